/** Session blobs are rarely larger than 2 KB. A blob larger than this gets a buffer that is used once. */
const SCRATCH_BYTES = 16 * 1024
const MAX_VIEWS = 64

/** `Buffer.prototype.fill` inspects its arguments first, which takes longer than wiping a blob. */
const { fill: fillBytes } = Uint8Array.prototype

/** Memory that the addon copies blobs into. A new buffer for each blob costs several times more. */
class Scratch {
  readonly memory: Buffer = Buffer.allocUnsafeSlow(SCRATCH_BYTES)
  /** Views of the beginning, by length: a cache has blobs of few lengths, and a new view costs as much as the rest. */
  readonly #views: (Buffer | undefined)[] = new Array(MAX_VIEWS).fill(undefined)

  view(length: number): Buffer {
    const index = length % MAX_VIEWS
    let view = this.#views[index]
    if (view?.length !== length) {
      view = this.memory.subarray(0, length)
      this.#views[index] = view
    }
    return view
  }
}

/** One for a borrowed blob, and one for a blob that is borrowed while the first is in use. */
const scratches: readonly Scratch[] = [new Scratch(), new Scratch()]
let borrowedNow = 0

/**
 * Writes a blob into `out`. Returns its length, 0 if there is no blob, or -length, having written nothing, if `out` is
 * too small.
 */
export type Fill<First = number, Second = string | Uint8Array> = (
  first: First,
  second: Second,
  out: Buffer,
) => number

/**
 * Lets `use` borrow the blob that `fill` writes, and wipes the scratch buffer when `use` returns or throws. Returns
 * undefined, without calling `use`, if there is no blob.
 *
 * `use` must not keep the buffer. It may borrow another blob while it runs.
 */
export function borrow<First, Second, T>(
  fill: Fill<First, Second>,
  first: First,
  second: Second,
  use: (blob: Buffer) => T,
): T | undefined {
  const scratch = scratches[borrowedNow]
  let out = scratch?.memory ?? Buffer.allocUnsafeSlow(SCRATCH_BYTES)
  let length = fill(first, second, out)
  while (length < 0) {
    out = Buffer.allocUnsafeSlow(-length)
    length = fill(first, second, out)
  }
  if (length === 0) return undefined
  const blob = out === scratch?.memory ? scratch.view(length) : out.subarray(0, length)
  borrowedNow++
  // @guard wiped-session › scratch-buffer › *
  //   ⇒ `borrowedNow-- fillBytes.call(blob, 0)` becomes `borrowedNow--`
  try {
    return use(blob)
  } finally {
    borrowedNow--
    fillBytes.call(blob, 0)
  }
}

/** An empty buffer for the next copy. It has the length of recent blobs, so that most are written in place. */
let nextCopy = Buffer.alloc(0)
let lastShorterLength = 0

/**
 * Returns the blob that `fill` writes, in memory that belongs only to the caller, or undefined if there is no blob.
 *
 * A slice of shared memory, such as Node's buffer pool, would cost half as much. But `buffer.buffer` would then expose
 * other sessions, posting it to a thread would move them along, and keeping one would keep them all.
 * `Buffer.alloc` takes half the time of `Buffer.allocUnsafeSlow`.
 */
export function readCopy<First, Second>(
  fill: Fill<First, Second>,
  first: First,
  second: Second,
): Buffer | undefined {
  let length = fill(first, second, nextCopy)
  while (length < 0) {
    nextCopy = Buffer.alloc(-length)
    length = fill(first, second, nextCopy)
  }
  if (length === 0) return undefined
  const full = nextCopy
  if (length === full.length) {
    nextCopy = Buffer.alloc(length <= SCRATCH_BYTES ? length : 0)
    return full
  }
  const blob = full.subarray(0, length)
  const copy = Buffer.alloc(length)
  copy.set(blob)
  fillBytes.call(blob, 0)
  if (length === lastShorterLength) nextCopy = Buffer.alloc(length)
  lastShorterLength = length
  return copy
}
