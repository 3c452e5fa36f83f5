/** A map that forgets the entry unused for the longest when it is full. */
export class BoundedMap<K, V> {
  readonly #entries = new Map<K, V>()
  readonly #max: number
  readonly #forget: ((value: V) => void) | undefined

  /** `forget` is told of each value that had to go. */
  constructor(max: number, forget?: (value: V) => void) {
    this.#max = max
    this.#forget = forget
  }

  get(key: K): V | undefined {
    const value = this.#entries.get(key)
    if (value !== undefined) {
      // Back to the end: a Map keeps the order of insertion.
      this.#entries.delete(key)
      this.#entries.set(key, value)
    }
    return value
  }

  /** The same, without it counting as a use. */
  peek(key: K): V | undefined {
    return this.#entries.get(key)
  }

  set(key: K, value: V): void {
    this.#entries.delete(key)
    this.#entries.set(key, value)
    if (this.#entries.size <= this.#max) return
    for (const [oldest, forgotten] of this.#entries) {
      this.#entries.delete(oldest)
      this.#forget?.(forgotten)
      return
    }
  }

  delete(key: K): void {
    this.#entries.delete(key)
  }

  /** A copy of what there is. */
  entries(): [K, V][] {
    return [...this.#entries]
  }

  clear(): void {
    this.#entries.clear()
  }

  get size(): number {
    return this.#entries.size
  }
}
