/** Blobs are rarely over 2 KB; a larger one than this gets a buffer for the occasion. */
const SIZE = 16 * 1024

/** One buffer a thread that the core copies blobs into: a fresh one each time costs several times more. */
const scratch: Buffer = Buffer.allocUnsafeSlow(SIZE)
let isLent = false

/**
 * The beginnings of the scratch buffer that were lent last, by their length: a new one each time costs as much as all
 * else here. A cache's blobs have a few lengths.
 */
const beginnings: (Buffer | undefined)[] = new Array(64).fill(undefined)

/** Faster than Buffer's own, which first looks at what it is given. */
const { fill: fillBytes } = Uint8Array.prototype

function beginning(length: number): Buffer {
  const place = length % beginnings.length
  let found = beginnings[place]
  if (found?.length !== length) {
    found = scratch.subarray(0, length)
    beginnings[place] = found
  }
  return found
}

/**
 * Writes a key's blob into a buffer and returns its length, 0 for none, and the length negated, with nothing done, where
 * the buffer is too small.
 */
export type Fill = (handle: number, key: string | Uint8Array, out: Buffer) => number

/**
 * Lets `fill` write a blob into the scratch buffer, lends it to `use`, and wipes it again.
 *
 * `use` must not keep the buffer. What it calls may borrow another blob meanwhile.
 */
export function lendScratch<T>(
  fill: Fill,
  handle: number,
  key: string | Uint8Array,
  use: (blob: Buffer) => T,
): T | undefined {
  let out = isLent ? Buffer.allocUnsafeSlow(SIZE) : scratch
  let length = fill(handle, key, out)
  while (length < 0) {
    out = Buffer.allocUnsafeSlow(-length)
    length = fill(handle, key, out)
  }
  if (length === 0) return undefined
  const blob = out === scratch ? beginning(length) : out.subarray(0, length)
  const wasLent = isLent
  isLent = true
  try {
    return use(blob)
  } finally {
    isLent = wasLent
    fillBytes.call(blob, 0)
  }
}

/** Empty, and of the size of the last blobs, for the next one: most are of one size, and written where they stay. */
let ready = Buffer.alloc(0)
let lastShorter = 0

/**
 * A key's blob in memory of its own, which `fill` writes.
 *
 * Not a slice of memory that several share, as Node's pool has it, though that would cost half as much: who has one
 * session could read others through `buffer`, posting it to a thread would take them along, and one that is kept would
 * keep them all. `Buffer.alloc` takes half the time of `Buffer.allocUnsafeSlow`.
 */
export function readOwn(fill: Fill, handle: number, key: string | Uint8Array): Buffer | undefined {
  let length = fill(handle, key, ready)
  while (length < 0) {
    ready = Buffer.alloc(-length)
    length = fill(handle, key, ready)
  }
  if (length === 0) return undefined
  const full = ready
  if (length === full.length) {
    ready = Buffer.alloc(length <= SIZE ? length : 0)
    return full
  }
  const blob = full.subarray(0, length)
  const own = Buffer.alloc(length)
  own.set(blob)
  fillBytes.call(blob, 0)
  if (length === lastShorter) ready = Buffer.alloc(length)
  lastShorter = length
  return own
}
