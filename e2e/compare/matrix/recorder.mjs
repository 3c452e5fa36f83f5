/** Records what an application can see of its sockets: events in their order, and getters at chosen moments. */
import { EventEmitter } from 'node:events'
import net from 'node:net'

/** Events of every socket of this process, from its first on, as [name, what came with it]. */
const logs = new WeakMap()

const { emit } = EventEmitter.prototype

/** Sockets cannot be watched from their creation on by listeners, and a listener would change what they do. */
export function startRecording() {
  EventEmitter.prototype.emit = function (name, ...args) {
    if (this instanceof net.Socket && isVisible(this, name)) logOf(this).push(describeEvent(name, args))
    return Reflect.apply(emit, this, [name, ...args])
  }
}

/**
 * Listeners of these see themselves come and go, which `rawListeners` shows as well. Secrets are emitted for every socket
 * of a context once one of them has a listener for them.
 */
function isVisible(socket, name) {
  if (name === 'newListener' || name === 'removeListener' || typeof name === 'symbol') return false
  return name !== 'keylog' || socket.listenerCount(name) > 0
}

/** Returns the growing list of events of a socket. */
export function logOf(socket) {
  let log = logs.get(socket)
  if (!log) {
    log = []
    logs.set(socket, log)
  }
  return log
}

function describeEvent(name, args) {
  if (name === 'data') return 'data'
  if (name === 'keylog') return `keylog ${String(args[0]).split(' ')[0]}`
  if (name === 'session') return 'session'
  if (name === 'lookup') return `lookup ${args.map(describe).join(' ')}`
  return args.length === 0 ? String(name) : `${String(name)} ${args.map(describe).join(' ')}`
}

/** Returns a value as text that two runs share: ports, buffers and objects differ from run to run. */
export function describe(value) {
  if (value instanceof Error) return describeError(value)
  if (Buffer.isBuffer(value)) return `<${value.length} bytes>`
  if (typeof value === 'number' && value > 1023 && value < 65_536) return '<port>'
  if (typeof value === 'object' && value !== null) return `<${value.constructor?.name ?? 'null prototype'}>`
  return String(value)
}

export function describeError(error) {
  if (!(error instanceof Error)) return `thrown ${describe(error)}`
  const { name, code, message, cause } = error
  // Addresses of C++ objects and of this machine's ports differ from run to run.
  const text = message
    .replace(/\b[0-9A-F]{12,16}:error:/, 'error:')
    .replace(/:\d{4,5}\b/g, ':<port>')
    .split('\n')[0]
  return [name, code, text, cause ? `cause: ${describeError(cause)}` : ''].filter(Boolean).join(' | ')
}

/**
 * Getters that take no argument; each is called and described. `getEphemeralKeyInfo` is not among them: before the
 * handshake it ends the process on Node.js 24 and 26, and after a resumed one of TLS 1.2 there is no such key.
 */
const METHODS = [
  'getProtocol',
  'getCipher',
  'getFinished',
  'getPeerFinished',
  'getSharedSigalgs',
  'getTLSTicket',
  'getSession',
  'isSessionReused',
  'address',
]

const PROPERTIES = [
  'authorized',
  'encrypted',
  'alpnProtocol',
  'servername',
  'remoteAddress',
  'remoteFamily',
  'remotePort',
  'localAddress',
  'localPort',
  'connecting',
  'pending',
  'readyState',
  'destroyed',
  'closed',
  'errored',
  'timeout',
  'allowHalfOpen',
  'readable',
  'readableEnded',
  'readableFlowing',
  'readableHighWaterMark',
  'writable',
  'writableEnded',
  'writableFinished',
  'writableLength',
  'bytesRead',
  'bytesWritten',
  'autoSelectFamilyAttemptedAddresses',
]

/**
 * Returns what the getters of a socket say now. Without `isSafe` it leaves out those that end the process when they are
 * called after a failed handshake: Node.js has freed the native object by then.
 */
export function snapshot(socket, { isSafe = true } = {}) {
  const seen = {}
  for (const name of PROPERTIES) seen[name] = attempt(() => plainOf(socket[name]))
  seen.authorizationError = attempt(() => {
    const error = socket.authorizationError
    return error instanceof Error ? describeError(error) : (error ?? null)
  })
  if (isSafe) {
    for (const name of METHODS) seen[`${name}()`] = attempt(() => plainOf(socket[name]()))
    seen['getCertificate()'] = attempt(() => certificate(socket.getCertificate()))
    seen['getX509Certificate()'] = attempt(() => x509ChainOf(socket.getX509Certificate()))
  }
  seen['exportKeyingMaterial()'] = attempt(() => plainOf(socket.exportKeyingMaterial(32, 'label')))
  seen['getPeerCertificate()'] = attempt(() => certificate(socket.getPeerCertificate()))
  seen['getPeerCertificate(true)'] = attempt(() => chainOf(socket.getPeerCertificate(true)))
  seen['getPeerX509Certificate()'] = attempt(() => x509ChainOf(socket.getPeerX509Certificate()))
  seen.keys = Object.keys(socket).map(name => `${name}: ${typeof socket[name]}`)
  seen.symbols = Object.getOwnPropertySymbols(socket)
    .filter(symbol => Object.getOwnPropertyDescriptor(socket, symbol)?.enumerable)
    .map(String)
  seen.listeners = Object.fromEntries(
    socket.eventNames().map(name => [String(name), socket.listenerCount(name)]),
  )
  seen.constructor = socket.constructor.name
  return seen
}

function attempt(read) {
  try {
    return read() ?? null
  } catch (error) {
    return `throws ${describeError(error)}`
  }
}

function plainOf(value) {
  if (value instanceof Error) return describeError(value)
  if (value instanceof Uint8Array) return '<bytes>'
  if (Array.isArray(value)) return value.map(plainOf)
  if (typeof value === 'object' && value !== null) {
    return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, plainOf(inner)]))
  }
  return typeof value === 'string' ? value.replace(/:\d{4,5}$/, ':<port>') : describe(value)
}

/** Returns each field of a legacy certificate object but its issuer as a line. */
function certificate(object) {
  if (!object) return object
  const { issuerCertificate: _, ...fields } = object
  return Object.entries(fields).map(([name, value]) => `${name}: ${JSON.stringify(plainOf(value))}`)
}

function chainOf(object) {
  const chain = []
  for (let each = object; each && chain.length < 10; each = each.issuerCertificate) {
    chain.push(certificate(each))
    if (each.issuerCertificate === each) return [...chain, 'the last is its own issuer']
  }
  return chain
}

function x509ChainOf(object) {
  const chain = []
  for (let each = object; each && chain.length < 10; each = each.issuerCertificate) {
    chain.push({ subject: each.subject, fingerprint256: each.fingerprint256, ca: each.ca })
    if (each.issuerCertificate === each) return [...chain, 'the last is its own issuer']
  }
  return chain
}
