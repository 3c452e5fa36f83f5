/** Replaces functions of Node.js. The new ones look like those that they replace. */
import { syncBuiltinESMExports } from 'node:module'
import tls from 'node:tls'

type AnyFunction = (...args: never[]) => unknown
type TlsFunctions = 'connect' | 'createSecureContext'

/** One for all methods: a new descriptor for each takes three times as long. */
const descriptor: PropertyDescriptor = {
  value: undefined,
  enumerable: false,
  configurable: true,
  writable: true,
}

/** Gives an object a method of its own that hides the method of its class. Like that, it is not enumerable. */
export function defineMethod(object: object, name: string, method: AnyFunction): void {
  descriptor.value = method
  Object.defineProperty(object, name, descriptor)
  descriptor.value = undefined
}

/** Replaces a function of `node:tls` with `wrap(original)`. Returns how to undo that, unless another package has replaced it since. */
export function replaceFunction<Name extends TlsFunctions>(
  name: Name,
  wrap: (original: (typeof tls)[Name]) => (typeof tls)[Name],
): { restore(): void } {
  const original: AnyFunction = tls[name]
  const wrapper: AnyFunction = wrap(original as (typeof tls)[Name])
  for (const property of ['name', 'length'] as const) {
    Object.defineProperty(wrapper, property, Object.getOwnPropertyDescriptor(original, property) ?? {})
  }
  const descriptor = Object.getOwnPropertyDescriptor(tls, name)
  const put = (value: AnyFunction) => {
    Object.defineProperty(tls, name, { ...descriptor, value })
    syncBuiltinESMExports()
  }
  put(wrapper)
  return {
    restore() {
      if (tls[name] === wrapper) put(original)
    },
  }
}

const watched = new WeakSet<object>()

/**
 * Calls `onCall` with the object whenever one of its methods is called, from now on and for all objects of its class.
 * Methods whose name begins with `get` are left out. A second watch of a class does nothing.
 */
export function watchMethods(
  object: object,
  onCall: (object: object, method: string, args: readonly unknown[]) => void,
): void {
  let prototype = Object.getPrototypeOf(object)
  for (; prototype !== null && prototype !== Object.prototype; prototype = Object.getPrototypeOf(prototype)) {
    if (watched.has(prototype)) continue
    watched.add(prototype)
    for (const [name, descriptor] of Object.entries(Object.getOwnPropertyDescriptors(prototype))) {
      const { value: method } = descriptor
      if (typeof method !== 'function' || name === 'constructor' || name.startsWith('get')) continue
      // A Proxy, so that its name, length and properties stay those of the method.
      const value = new Proxy(method, {
        apply(target, self: object, args) {
          onCall(self, name, args)
          return Reflect.apply(target, self, args)
        },
      })
      Object.defineProperty(prototype, name, { ...descriptor, value })
    }
  }
}
