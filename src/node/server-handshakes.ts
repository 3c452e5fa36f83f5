/**
 * What the native handle of a server connection knows during its handshake. Node.js calls members of the handle that it
 * does not document. A setter on the handle's prototype puts a wrapper around the functions that Node.js assigns there.
 * Where a member is missing, the functions below return `undefined`.
 */
import { Duplex } from 'node:stream'
import tls from 'node:tls'
import { monotonicNow } from '../util/time.js'

/** What is remembered of the handshake of a handle: a property, which costs less than an entry of a WeakMap. */
const HANDSHAKE: unique symbol = Symbol('handshake')

interface Handle {
  destroySSL?(): void
  getCipher?(): object | undefined
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
  /** True once the handshake is known to be done. */
  isDone: boolean
  /** True once the handle has no SSL any more: its members would then read memory that is not there. */
  isDestroyed: boolean
}

/**
 * The handshake whose callbacks OpenSSL runs now. Code that continues later has to capture it. It is another one if a
 * ClientHello comes in parts, between which another connection starts or ends.
 */
let current: Handshake | undefined

/** The last handshake that has started. */
let lastStarted: Handshake | undefined

/** The other handshakes that may still wait for their ClientHello, or for a part of it. Few clients are that slow. */
const waiting = new Set<Handshake>()
/** How many of them are looked at for each ticket. An attacker may have any number of them. */
const MAX_CHECKS = 8

/** True if the ClientHello has not come yet: the version is then the highest one, and there is no cipher. */
function isWaiting({ handle, isDestroyed, isDone }: Handshake): boolean {
  if (isDestroyed || isDone) return false
  return handle.getProtocol?.() === 'TLSv1.3' && handle.getCipher?.() === undefined
}

/** True if no handshake waits for its ClientHello, except the last one that started. */
function hasNoneWaiting(): boolean {
  let checks = 0
  for (const handshake of waiting) {
    if (checks++ === MAX_CHECKS) break
    waiting.delete(handshake)
    // Behind the others, so that each has its turn.
    if (isWaiting(handshake)) waiting.add(handshake)
  }
  return waiting.size === 0
}

/** What to do before the original function of a member runs. */
const OBSERVERS: Record<string, (this: void, handle: Handle, args: readonly unknown[]) => void> = {
  onhandshakestart(handle) {
    const handshake = handle[HANDSHAKE] ?? handshakeFor(handle)
    if (lastStarted !== undefined && lastStarted !== handshake && isWaiting(lastStarted))
      waiting.add(lastStarted)
    lastStarted = handshake
    current = handshake
  },
  onclienthello(handle, [hello]) {
    current = handle[HANDSHAKE]
    if (current !== undefined) current.servername = (hello as { servername?: string } | undefined)?.servername
  },
  onnewsession(handle) {
    current = handle[HANDSHAKE]
  },
}

function handshakeFor(handle: Handle): Handshake {
  const handshake: Handshake = {
    handle,
    startedAt: monotonicNow(),
    servername: undefined,
    found: undefined,
    isDone: false,
    isDestroyed: false,
  }
  handle[HANDSHAKE] = handshake
  return handshake
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
  if (!observeDestruction(prototype)) return false
  for (const name of members) observe(prototype, name, Reflect.get(handle, name) as HandleFunction)
  return true
}

/**
 * Gives all handles the observed function of a server's handle, in place of the function that Node.js assigns to each. A handle
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

/** Returns false where this Node.js does not have the member. */
function observeDestruction(prototype: Handle): boolean {
  const { destroySSL } = prototype
  if (typeof destroySSL !== 'function') return false
  prototype.destroySSL = function (this: Handle) {
    const handshake = this[HANDSHAKE]
    if (handshake !== undefined) {
      handshake.isDestroyed = true
      waiting.delete(handshake)
    }
    return destroySSL.call(this)
  }
  return true
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
 * negotiates the version before it decrypts the ticket. Undefined if it is not certain which handshake that is.
 */
export function currentProtocol(): string | undefined {
  if (current === undefined || current !== lastStarted || current.isDestroyed || !hasNoneWaiting())
    return undefined
  return current.handle.getProtocol?.() ?? undefined
}

/** Returns the server name that the client sent, empty for none, while its session ID is looked up. */
export function currentServername(): string | undefined {
  return current?.servername
}

/** Returns the server name that belongs to the session which is being handed out, empty for none. */
export function servernameOfNewSession(): string | undefined {
  if (current?.isDestroyed) return undefined
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
  handshake.isDone = true
  return { duration: monotonicNow() - handshake.startedAt, found: handshake.found }
}
