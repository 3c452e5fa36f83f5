/** Blobs are rarely over 2 KB; a larger one than this gets a buffer for the occasion. */
const SIZE = 16 * 1024

/** One buffer a thread that the core copies blobs into: a fresh one each time costs several times more. */
const scratch: Buffer = Buffer.allocUnsafeSlow(SIZE)
let isLent = false

/**
 * Lets `fill` write a blob into the scratch buffer, lends it to `use`, and wipes it again.
 *
 * `fill` returns the blob's length, 0 for none, and the length negated, with nothing done, where the
 * buffer is too small. `use` must not keep the buffer. What it calls may borrow another blob meanwhile.
 */
export function lendScratch<T>(fill: (out: Buffer) => number, use: (blob: Buffer) => T): T | undefined {
  let out = isLent ? Buffer.allocUnsafeSlow(SIZE) : scratch
  let length = fill(out)
  while (length < 0) {
    out = Buffer.allocUnsafeSlow(-length)
    length = fill(out)
  }
  if (length === 0) return undefined
  const blob = out.subarray(0, length)
  const wasLent = isLent
  isLent = true
  try {
    return use(blob)
  } finally {
    isLent = wasLent
    blob.fill(0)
  }
}
