let depth = 0

/** Calls a function that connects on behalf of this package. An installed `tls.connect` does not plan its connections again. */
export function inside<T>(connect: () => T): T {
  depth++
  try {
    return connect()
  } finally {
    depth--
  }
}

/** True while such a function runs. */
export function isInside(): boolean {
  return depth > 0
}
