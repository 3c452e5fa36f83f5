/** How `tls.connect` reads its options, and which of them are in the session key. */
import tls from 'node:tls'
import { hostOfSocket } from '../node/tls-internals.js'

/** The options of `tls.connect` in the key, beside those of `tls.createSecureContext`: they decide who the peer is and what is verified. */
export const KEYED_OPTIONS = [
  'checkServerIdentity',
  'host',
  'minDHSize',
  'path',
  'port',
  'rejectUnauthorized',
  'secureContext',
  'servername',
  'socket',
] as const

/** The options with which a connection has no key, and why. */
export const UNCACHEABLE_OPTIONS = {
  pskCallback: 'an external PSK takes the place of the certificates that a session stands for',
  requestOCSP: 'a resumed handshake carries no OCSP response, so the caller would not get to check it',
} as const

/** The options that are not in the key, and why. */
export const IGNORED_OPTIONS = {
  SNICallback: 'for servers only',
  ALPNProtocols: 'the protocol is negotiated afresh on every resumption (RFC 8446 section 4.6.1)',
  allowHalfOpen: 'how the stream ends',
  autoSelectFamily: 'how the address is chosen; the peer is verified by name',
  autoSelectFamilyAttemptTimeout: 'how the address is chosen',
  blockList: 'which addresses are refused, which happens before the handshake',
  enableTrace: 'a trace of the handshake for debugging',
  family: 'how the address is chosen',
  fd: 'the descriptor of the stream below; no peer is identified by it',
  handle: 'the handle of the stream below',
  highWaterMark: 'how much is buffered',
  hints: 'how the address is chosen',
  keepAlive: 'TCP keep-alive',
  keepAliveInitialDelay: 'TCP keep-alive',
  localAddress: 'the near end of the connection',
  localPort: 'the near end of the connection',
  lookup: 'how the address is chosen; the peer is verified by name',
  noDelay: 'TCP_NODELAY',
  onread: 'how the data is read',
  readable: 'whether the stream is read',
  requestCert: 'for servers; a client always asks for a certificate',
  session: 'the session itself',
  signal: 'when the connection is given up',
  timeout: 'when the connection is given up',
  typeOfService: 'how packets are marked',
  writable: 'whether the stream is written',
} as const

/** Returns the options as `tls.connect` will read them: each read once, with the defaults that it gives them. */
export function withDefaults<Options extends tls.ConnectionOptions>(options: Options): Options {
  // A copy of nothing but one object is several times faster than one with properties before it.
  const full = { ...options }
  if (!Object.hasOwn(full, 'rejectUnauthorized')) {
    // @guard verification-off › key-inputs › NODE_TLS_REJECT_UNAUTHORIZED counts as the option it stands for
    //   ⇒ `process.env.NODE_TLS_REJECT_UNAUTHORIZED !== '0'` becomes `true`
    full.rejectUnauthorized = process.env.NODE_TLS_REJECT_UNAUTHORIZED !== '0'
  }
  if (!Object.hasOwn(full, 'ciphers')) full.ciphers = tls.DEFAULT_CIPHERS
  if (!Object.hasOwn(full, 'checkServerIdentity')) full.checkServerIdentity = tls.checkServerIdentity
  if (!Object.hasOwn(full, 'minDHSize')) full.minDHSize = 1024
  return full
}

/** True if an unauthorized peer ends the connection: for Node, whatever is not `false` is strict. */
export function isStrict(options: tls.ConnectionOptions): boolean {
  return options.rejectUnauthorized !== false
}

/** Returns the name that Node verifies the peer against. */
export function hostnameOf({
  servername,
  host,
  socket,
}: Pick<tls.ConnectionOptions, 'servername' | 'host' | 'socket'>): string {
  // @guard host-name › connect › connect: TLS 1.3 tickets resume without a client certificate*
  //   ⇒ `return servername || host ||` becomes `return host ||`
  return servername || host || hostOfSocket(socket) || 'localhost'
}
