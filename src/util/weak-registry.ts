/** The live objects of a kind in this thread, in the order of their addition. It keeps none of them alive. */
export class WeakRegistry<T extends object> implements Iterable<T> {
  readonly #references = new Set<WeakRef<T>>()
  readonly #referenceOf = new WeakMap<T, WeakRef<T>>()
  readonly #removeCollected = new FinalizationRegistry<WeakRef<T>>(reference =>
    this.#references.delete(reference),
  )

  add(object: T): void {
    const reference = new WeakRef(object)
    this.#references.add(reference)
    this.#referenceOf.set(object, reference)
    this.#removeCollected.register(object, reference)
  }

  delete(object: T): void {
    const reference = this.#referenceOf.get(object)
    if (reference !== undefined) this.#references.delete(reference)
  }

  *[Symbol.iterator](): Iterator<T> {
    for (const reference of this.#references) {
      const object = reference.deref()
      if (object !== undefined) yield object
    }
  }
}
