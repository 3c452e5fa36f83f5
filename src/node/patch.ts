import type tls from 'node:tls'

/** Gives a socket methods of its own in the place of its class's, and like those not enumerable. */
export function defineMethods(
  socket: tls.TLSSocket,
  methods: Record<string, (...args: never[]) => unknown>,
): void {
  for (const [name, value] of Object.entries(methods)) {
    Object.defineProperty(socket, name, { value, configurable: true, writable: true })
  }
}
