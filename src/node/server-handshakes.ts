/**
 * What the native handle of a server connection knows during its handshake. Node.js calls members of the handle that it
 * does not document; a setter on the handle's prototype puts a wrapper around the functions that Node.js assigns there.
 * Where a member is missing, the functions below return `undefined`.
 */
import { Duplex } from 'node:stream'
import tls from 'node:tls'
import { monotonicNow } from '../util/time.js'

/** What is remembered of the handshake of a handle: a property, which costs less than an entry of a WeakMap. */
const HANDSHAKE: unique symbol = Symbol('handshake')

interface Handle {
  getProtocol?(): string | null
  getServername?(): string | false
  [HANDSHAKE]?: Handshake | undefined
}

type HandleFunction = (this: Handle, ...args: unknown[]) => unknown

/** What is remembered of one handshake. */
interface Handshake {
  handle: Handle
  /** When it started, by the monotonic clock. */
  startedAt: number
  /** The server name of the ClientHello, where Node.js passes it on (20 and 22). Empty without one. */
  servername: string | undefined
  /** What the client offered and the server found usable so far. */
  found: 'session-id' | 'ticket' | undefined
}

/** The handshake whose callbacks OpenSSL runs now. Code that continues later has to capture it. */
let current: Handshake | undefined

/** What to do before the original function of a member runs. */
const OBSERVERS: Record<string, (this: void, handle: Handle, args: readonly unknown[]) => void> = {
  onhandshakestart(handle) {
    current = handle[HANDSHAKE]
    if (current !== undefined) return
    current = { handle, startedAt: monotonicNow(), servername: undefined, found: undefined }
    handle[HANDSHAKE] = current
  },
  onclienthello(handle, [hello]) {
    current = handle[HANDSHAKE]
    if (current !== undefined) current.servername = (hello as { servername?: string } | undefined)?.servername
  },
  onnewsession(handle) {
    current = handle[HANDSHAKE]
  },
}

let isWatching: boolean | undefined

/**
 * Starts to observe the handshakes of this thread's servers. Connections that were accepted earlier are not observed.
 *
 * @returns false where this Node.js does not have the members.
 */
export function watchServerHandshakes(): boolean {
  isWatching ??= install()
  return isWatching
}

function install(): boolean {
  const handle = handleOfServerSocket()
  const prototype = handle && Object.getPrototypeOf(handle)
  if (!handle || !prototype) return false
  const members = Object.keys(OBSERVERS)
  if (members.some(name => typeof Reflect.get(handle, name) !== 'function' || name in prototype)) return false
  for (const name of members) observe(prototype, name, Reflect.get(handle, name) as HandleFunction)
  return true
}

/**
 * Gives all handles the observed function of a server's handle, in place of the one that Node.js assigns to each. A handle
 * that gets another function, as a client's does, keeps that.
 */
function observe(prototype: object, name: string, original: HandleFunction): void {
  const before = OBSERVERS[name] as (typeof OBSERVERS)[string]
  const isLast = name === 'onnewsession'
  const observed: HandleFunction = function (...args) {
    before(this, args)
    const result = original.apply(this, args)
    if (isLast) current = undefined
    return result
  }
  const other = Symbol(name)
  Object.defineProperty(prototype, name, {
    configurable: true,
    get(this: Record<symbol, HandleFunction | undefined>) {
      return this[other] ?? observed
    },
    set(this: Record<symbol, HandleFunction | undefined>, assigned: HandleFunction) {
      if (assigned !== original) this[other] = assigned
    },
  })
}

function handleOfServerSocket(): object | undefined {
  const socket = new tls.TLSSocket(new Duplex({ read() {}, write() {} }), { isServer: true })
  socket.on('error', () => {})
  const { _handle: handle } = socket as unknown as { _handle?: object }
  socket.destroy()
  return handle
}

/**
 * Returns the negotiated version of the handshake whose ticket is being decrypted, `TLSv1.3` and the like. OpenSSL
 * negotiates the version before it decrypts the ticket.
 */
export function currentProtocol(): string | undefined {
  return current?.handle.getProtocol?.() ?? undefined
}

/** Returns the server name that the client sent, empty for none, while its session ID is looked up. */
export function currentServername(): string | undefined {
  return current?.servername
}

/** Returns the server name that belongs to the session which is being handed out, empty for none. */
export function servernameOfNewSession(): string | undefined {
  const name = current?.handle.getServername?.()
  return name === false ? '' : name
}

/**
 * Returns a function that makes the handshake which runs now the current one again. A session ID that is looked up
 * asynchronously is answered while another handshake may be the current one.
 */
export function captureHandshake(): () => void {
  const captured = current
  return () => {
    current = captured
  }
}

/** Records what the client of the handshake that runs now offered, if the server found it usable. */
export function noteFound(what: 'session-id' | 'ticket'): void {
  if (current !== undefined) current.found = what
}

/** Returns what was observed of the finished handshake of a socket: its milliseconds, and what the client offered. */
export function handshakeOf(
  socket: tls.TLSSocket,
): { duration: number; found: Handshake['found'] } | undefined {
  const { _handle: handle } = socket as unknown as { _handle?: Handle }
  const handshake = handle?.[HANDSHAKE]
  if (handshake === undefined) return undefined
  return { duration: monotonicNow() - handshake.startedAt, found: handshake.found }
}
