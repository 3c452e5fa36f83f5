let depth = 0

/** Runs what connects on behalf of this package: that is not for an installed `tls.connect` to decide again. */
export function inside<T>(connect: () => T): T {
  depth++
  try {
    return connect()
  } finally {
    depth--
  }
}

export function isInside(): boolean {
  return depth > 0
}
