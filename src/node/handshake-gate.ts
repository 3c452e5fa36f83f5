import type tls from 'node:tls'

/** What Node.js has on its sockets and does not document. Where it is missing, no handshake is held. */
interface Internals {
  _bytesDispatched: number | undefined
  _start: () => void
  _writeGeneric: (...args: unknown[]) => unknown
  _final: (callback: (error?: Error | null) => void) => void
}

type Socket = tls.TLSSocket & Internals

const HOOKS = ['_writeGeneric', '_final'] as const

/**
 * Takes the start of the handshake over from a socket that `tls.connect` returned and that is still connecting.
 *
 * @returns what starts it, to be called once it is connected; undefined where the socket cannot be held.
 */
export function takeStart(socket: tls.TLSSocket): (() => void) | undefined {
  const { _start: start } = socket as Partial<Socket>
  if (typeof start !== 'function' || !socket.listeners('connect').includes(start)) return undefined
  if (HOOKS.some(hook => typeof (socket as Socket)[hook] !== 'function' || Object.hasOwn(socket, hook)))
    return undefined
  socket.off('connect', start)
  return () => start.call(socket)
}

/** Whether somebody has written already, before us or past the stream, and so has started the handshake. */
// @guard offer-back-off › single-flight › *: who has written before us, and so begun, does not wait
//   ⇒ `> 0` becomes `< 0`
export function hasBegun(socket: tls.TLSSocket): boolean {
  return ((socket as Partial<Socket>)._bytesDispatched ?? 0) > 0
}

/**
 * Keeps a connected socket from writing, since the first write would start the handshake. What is written meanwhile
 * waits, as it does until a socket is connected; an end with nothing left to write calls `onEnd`, which must release.
 *
 * @returns what releases it.
 */
export function holdWrites(socket: tls.TLSSocket, onEnd: () => void): () => void {
  const internals = socket as Socket
  // A stream has one write under way at a time, and ends when there is none.
  let waiting: unknown[] | undefined
  internals._writeGeneric = (...args) => {
    waiting = args
  }
  internals._final = callback => {
    onEnd()
    internals._final(callback)
  }
  return () => {
    for (const hook of HOOKS) delete (internals as Partial<Socket>)[hook]
    if (waiting) internals._writeGeneric(...waiting)
  }
}
