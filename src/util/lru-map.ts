/** A map with a bound: when it is full, a new key evicts the least recently used entry. */
export class LruMap<K, V> {
  // A Map iterates in order of insertion, so a used entry is inserted again.
  readonly #entries = new Map<K, V>()
  readonly #max: number
  readonly #onEvict: ((value: V) => void) | undefined
  /** The last used key, which need not be inserted again. */
  #newest: K | undefined

  /** `onEvict` is called with each value that is evicted, not with one that is replaced or deleted. */
  constructor(max: number, onEvict?: (value: V) => void) {
    this.#max = max
    this.#onEvict = onEvict
  }

  /** Returns the value of a key and marks it as used. */
  get(key: K): V | undefined {
    const value = this.#entries.get(key)
    if (value !== undefined && key !== this.#newest) {
      this.#entries.delete(key)
      this.#entries.set(key, value)
      this.#newest = key
    }
    return value
  }

  /** Returns the value of a key without marking it as used. */
  peek(key: K): V | undefined {
    return this.#entries.get(key)
  }

  /** Sets the value of a key, which counts as a use. */
  set(key: K, value: V): void {
    this.#entries.delete(key)
    this.#entries.set(key, value)
    this.#newest = key
    if (this.#entries.size <= this.#max) return
    for (const [oldest, evicted] of this.#entries) {
      this.#entries.delete(oldest)
      this.#onEvict?.(evicted)
      return
    }
  }

  delete(key: K): void {
    this.#entries.delete(key)
    if (key === this.#newest) this.#newest = undefined
  }

  /** Returns a copy of all entries, those unused for the longest first. */
  entries(): [K, V][] {
    return [...this.#entries]
  }

  clear(): void {
    this.#entries.clear()
    this.#newest = undefined
  }

  get size(): number {
    return this.#entries.size
  }
}
