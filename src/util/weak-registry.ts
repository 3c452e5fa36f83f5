/**
 * What of a kind this thread has open, for who reports on all of it, in the order in which it was opened. It is held
 * weakly, so that nobody's forgetting is put off by it.
 */
export class Opened<T extends object> implements Iterable<T> {
  readonly #references = new Set<WeakRef<T>>()
  readonly #referenceOf = new WeakMap<T, WeakRef<T>>()
  readonly #forget = new FinalizationRegistry<WeakRef<T>>(reference => this.#references.delete(reference))

  add(thing: T): void {
    const reference = new WeakRef(thing)
    this.#references.add(reference)
    this.#referenceOf.set(thing, reference)
    this.#forget.register(thing, reference)
  }

  delete(thing: T): void {
    const reference = this.#referenceOf.get(thing)
    if (reference !== undefined) this.#references.delete(reference)
  }

  *[Symbol.iterator](): Iterator<T> {
    for (const reference of this.#references) {
      const thing = reference.deref()
      if (thing !== undefined) yield thing
    }
  }
}
