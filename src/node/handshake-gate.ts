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

/** A handshake that is held: the transport is connected, and no ClientHello is sent yet. */
export interface HandshakeGate {
  /** Starts the handshake, then sends what the application has written. */
  open(): void
  /** Gives up: the socket is closed. Pending writes fail as they do on any closed socket. */
  abandon(): void
}

/**
 * Holds the handshake of a socket whose `connect` event is about to reach its listeners. What the application writes
 * waits, since a write would start the handshake. `onEnd` is called where the application ends the socket with nothing
 * left to write: it must open the gate.
 *
 * @returns undefined where the socket cannot be held: it is not Node's own, or the application has changed it.
 */
export function holdHandshake(socket: tls.TLSSocket, onEnd: () => void): HandshakeGate | undefined {
  const { _start: start } = socket as Partial<Socket>
  if (typeof start !== 'function' || !isWaitingToStart(socket)) return undefined
  const internals = socket as Socket
  if (HOOKS.some(hook => typeof internals[hook] !== 'function' || Object.hasOwn(internals, hook))) {
    return undefined
  }
  socket.off('connect', start)
  // A stream has one write under way at a time, and ends when there is none.
  let pendingWrite: unknown[] | undefined
  const hooks = {
    _writeGeneric: (...args: unknown[]) => {
      pendingWrite = args
    },
    _final: (callback: (error?: Error | null) => void) => {
      onEnd()
      internals._final(callback)
    },
  }
  for (const hook of HOOKS) {
    Object.defineProperty(internals, hook, { value: hooks[hook], configurable: true, writable: true })
  }
  const release = () => {
    for (const hook of HOOKS) Reflect.deleteProperty(internals, hook)
    if (pendingWrite) internals._writeGeneric(...pendingWrite)
  }
  return {
    open() {
      start.call(socket)
      release()
    },
    abandon: release,
  }
}

/** True if something was written below or above TLS, so that the handshake has started. */
export function hasStartedHandshake(socket: tls.TLSSocket): boolean {
  return ((socket as Partial<Socket>)._bytesDispatched ?? 0) > 0
}

/** True if a listener of `connect` has yet to start the handshake. */
export function isWaitingToStart(socket: tls.TLSSocket): boolean {
  const { _start: start } = socket as Partial<Socket>
  return start !== undefined && socket.listeners('connect').includes(start)
}
