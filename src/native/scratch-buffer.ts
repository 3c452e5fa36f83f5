/** Blobs are rarely over 2 KB; a larger one than this gets a buffer for the occasion. */
const SIZE = 16 * 1024

/** Faster than Buffer's own, which first looks at what it is given. */
const { fill: fillBytes } = Uint8Array.prototype

/** A buffer that the core copies blobs into: a fresh one each time costs several times more. */
class Scratch {
  readonly memory: Buffer = Buffer.allocUnsafeSlow(SIZE)
  /**
   * Its beginnings that were lent last, by their length: a new one each time costs as much as all else here. A cache's
   * blobs have a few lengths.
   */
  readonly #beginnings: (Buffer | undefined)[] = new Array(64).fill(undefined)

  beginning(length: number): Buffer {
    const place = length % this.#beginnings.length
    let found = this.#beginnings[place]
    if (found?.length !== length) {
      found = this.memory.subarray(0, length)
      this.#beginnings[place] = found
    }
    return found
  }
}

/** The thread's: one for what a cache lends, one for what is made of that. */
const scratches: readonly Scratch[] = [new Scratch(), new Scratch()]
let lentNow = 0

/**
 * Writes a blob into a buffer and returns its length, 0 for none, and the length negated, with nothing done, where the
 * buffer is too small.
 */
export type Fill<First = number, Second = string | Uint8Array> = (
  first: First,
  second: Second,
  out: Buffer,
) => number

/**
 * Lets `fill` write a blob into a scratch buffer, lends it to `use`, and wipes it again.
 *
 * `use` must not keep the buffer. What it calls may borrow another blob meanwhile.
 */
export function lendScratch<First, Second, T>(
  fill: Fill<First, Second>,
  first: First,
  second: Second,
  use: (blob: Buffer) => T,
): T | undefined {
  const scratch = scratches[lentNow]
  let out = scratch?.memory ?? Buffer.allocUnsafeSlow(SIZE)
  let length = fill(first, second, out)
  while (length < 0) {
    out = Buffer.allocUnsafeSlow(-length)
    length = fill(first, second, out)
  }
  if (length === 0) return undefined
  const blob = out === scratch?.memory ? scratch.beginning(length) : out.subarray(0, length)
  lentNow++
  try {
    return use(blob)
  } finally {
    lentNow--
    fillBytes.call(blob, 0)
  }
}

/** Empty, and of the size of the last blobs, for the next one: most are of one size, and written where they stay. */
let ready = Buffer.alloc(0)
let lastShorter = 0

/**
 * A blob in memory of its own, which `fill` writes.
 *
 * Not a slice of memory that several share, as Node's pool has it, though that would cost half as much: who has one
 * session could read others through `buffer`, posting it to a thread would take them along, and one that is kept would
 * keep them all. `Buffer.alloc` takes half the time of `Buffer.allocUnsafeSlow`.
 */
export function readOwn<First, Second>(
  fill: Fill<First, Second>,
  first: First,
  second: Second,
): Buffer | undefined {
  let length = fill(first, second, ready)
  while (length < 0) {
    ready = Buffer.alloc(-length)
    length = fill(first, second, ready)
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
