import { isSharedMemory } from './shared-memory.js'

/** True for a value that can change in place, so that its identity says nothing of its content. */
export function isObject(value: unknown): value is object {
  return typeof value === 'object' ? value !== null : typeof value === 'function'
}

/** A remembered result. */
export interface Entry<Result> {
  readonly inputs: readonly unknown[]
  readonly result: Result
}

/**
 * Remembers the results of the last lists of inputs. It knows a list again by its content: bytes are compared with copies
 * of its own, which takes a fraction of the time to digest them.
 */
export class InputMemo<Result> {
  readonly #max: number
  /** The last used first. */
  readonly #entries: Entry<Result>[] = []

  constructor(max: number) {
    this.#max = max
  }

  /**
   * Returns the result of `compute`, or the earlier one of the same inputs. Calls `compute` each time if an input is an
   * object whose content is not known.
   */
  get(inputs: readonly unknown[], compute: () => Result): Result {
    return (this.find(inputs) ?? this.add(inputs, compute())).result
  }

  /** Returns the entry of the same inputs. */
  find(inputs: readonly unknown[]): Entry<Result> | undefined {
    const first = this.#entries[0]
    if (first === undefined || hasInputs(first.inputs, inputs)) return first
    const index = this.#entries.findIndex(entry => hasInputs(entry.inputs, inputs))
    if (index > 0) this.#entries.unshift(...this.#entries.splice(index, 1))
    return index < 0 ? undefined : this.#entries[0]
  }

  /** Remembers the result of these inputs, unless one is an object whose content is not known. */
  add(inputs: readonly unknown[], result: Result): Entry<Result> {
    // @guard changed-context › key-inputs › an object changed in place is another key
    if (!inputs.every(isComparable)) return { inputs, result }
    const entry = { inputs: inputs.map(copyBytes), result }
    this.#entries.unshift(entry)
    if (this.#entries.length > this.#max) wipe(this.#entries.pop())
    return entry
  }

  /** Forgets all results, and wipes the copies of inputs. */
  clear(): void {
    for (const entry of this.#entries.splice(0)) wipe(entry)
  }
}

function isComparable(input: unknown): boolean {
  return !isObject(input) || isOwnBytes(input)
}

/** True for bytes that no other thread can change between a comparison and their use. */
function isOwnBytes(value: unknown): value is NodeJS.ArrayBufferView {
  return ArrayBuffer.isView(value) && !isSharedMemory(value)
}

/** Compares a list with one that is remembered, which has no objects but copies of bytes. */
function hasInputs(known: readonly unknown[], inputs: readonly unknown[]): boolean {
  if (known.length !== inputs.length) return false
  // No closure: this runs for each connection.
  for (let at = 0; at < known.length; at++) {
    // @guard endpoint › key-inputs › rejectUnauthorized: a change of nothing else changes the key
    if (known[at] !== inputs[at] && !areSameBytes(known[at], inputs[at])) return false
  }
  return true
}

/** Of bytes only a copy is known, which is never the same object. */
function areSameBytes(known: unknown, input: unknown): boolean {
  // @guard chain › key-inputs › a CA file replaced in place and read again is another key
  //   ⇒ `known.equals(toBytes(input))` becomes `true`
  return Buffer.isBuffer(known) && isOwnBytes(input) && known.equals(toBytes(input))
}

function toBytes({ buffer, byteOffset, byteLength }: NodeJS.ArrayBufferView): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength)
}

function copyBytes(input: unknown): unknown {
  if (!isOwnBytes(input)) return input
  // Not a slice of the pool, which other code can read.
  const copy = Buffer.allocUnsafeSlow(input.byteLength)
  copy.set(toBytes(input))
  return copy
}

function wipe(entry: Entry<unknown> | undefined): void {
  // @guard lent-session › memo › memo: copies of bytes are wiped when they are evicted or cleared
  for (const input of entry?.inputs ?? []) if (Buffer.isBuffer(input)) input.fill(0)
}
