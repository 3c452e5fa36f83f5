/**
 * Says for each undocumented member of Node.js that `src/node` uses whether this Node.js has it. A member that has gone, or
 * means something else, fails here first; `docs/internals/node-internals.md` says what the package does without it.
 */
import { X509Certificate } from 'node:crypto'
import { once } from 'node:events'
import { readdirSync, readFileSync } from 'node:fs'
import type http from 'node:http'
import https from 'node:https'
import net, { type AddressInfo, type LookupFunction } from 'node:net'
import tls from 'node:tls'
import test, { type ExecutionContext } from 'ava'
import {
  hasContextsByName,
  hasPskCallback,
  hostOfSocket,
  nativeContextOf,
  translatePeerCertificate,
} from '../../dist/node/tls-internals.js'
import { testAuthority } from '../support/server.ts'

type Members = Record<string, unknown>

const major = Number.parseInt(process.versions.node, 10)
const toLoopback = ((_host, options, done) =>
  setImmediate(() =>
    options.all ? done(null, [{ address: '127.0.0.1', family: 4 }]) : done(null, '127.0.0.1', 4),
  )) as LookupFunction

/** What a member is while a connection goes through its stages. */
interface Stages {
  connecting: unknown
  secure: unknown
  closed: unknown
}

/** The kind of a value, as exact as the package relies on it. */
function kindOf(value: unknown): string {
  if (value === null) return 'null'
  if (typeof value === 'number') return value > 0 ? 'positive' : 'zero'
  return typeof value
}

/** Members of a client's socket: what each is when connecting, when secure, and after its end. */
const SOCKET_MEMBERS: Record<string, { read(socket: Members): unknown; expected: Stages }> = {
  _host: {
    read: socket => socket._host,
    expected: { connecting: 'string', secure: 'string', closed: 'string' },
  },
  _start: {
    read: socket => socket._start,
    expected: { connecting: 'function', secure: 'function', closed: 'function' },
  },
  '_start among the listeners of connect': {
    read: socket =>
      (socket as unknown as tls.TLSSocket).listeners('connect').includes(socket._start as () => void),
    expected: { connecting: true, secure: false, closed: false },
  },
  _bytesDispatched: {
    read: socket => socket._bytesDispatched,
    expected: { connecting: 'zero', secure: 'positive', closed: 'positive' },
  },
  _writeGeneric: {
    read: socket => socket._writeGeneric,
    expected: { connecting: 'function', secure: 'function', closed: 'function' },
  },
  _final: {
    read: socket => socket._final,
    expected: { connecting: 'function', secure: 'function', closed: 'function' },
  },
  _handle: {
    read: socket => socket._handle,
    expected: { connecting: 'object', secure: 'object', closed: 'null' },
  },
  '_handle.enableSessionCallbacks': {
    read: socket => (socket._handle as Members | null)?.enableSessionCallbacks,
    expected: { connecting: 'function', secure: 'function', closed: 'undefined' },
  },
  '_handle._parent.bytesRead': {
    read: socket => ((socket._handle as Members | null)?._parent as Members | undefined)?.bytesRead,
    expected: { connecting: 'zero', secure: 'positive', closed: 'undefined' },
  },
  secureConnecting: {
    read: socket => socket.secureConnecting,
    expected: { connecting: true, secure: false, closed: false },
  },
  setSession: {
    read: socket => socket.setSession,
    expected: { connecting: 'function', secure: 'function', closed: 'function' },
  },
}

async function startTls(t: ExecutionContext, options: tls.TlsOptions = {}) {
  const { cert: ca, issue } = await testAuthority()
  const identity = await issue({ commonName: 'localhost', usage: 'server' })
  const server = tls.createServer({ ...identity, ...options }, socket =>
    socket.on('error', () => {}).end('!'),
  )
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => server.close())
  return { server, ca, identity, port: (server.address() as AddressInfo).port }
}

const describeAs = (value: unknown) => (typeof value === 'boolean' ? value : kindOf(value))

test('node: members of a client socket, by stage', async t => {
  const { ca, port } = await startTls(t)
  const socket = tls.connect({ host: 'localhost', port, ca, lookup: toLoopback })
  const members = socket as unknown as Members
  const readAll = () =>
    Object.fromEntries(
      Object.entries(SOCKET_MEMBERS).map(([name, { read }]) => [name, describeAs(read(members))]),
    )
  await once(socket, 'lookup')
  const connecting = readAll()
  await once(socket, 'secureConnect')
  // Bytes count that the application wrote.
  socket.write('!')
  const secure = readAll()
  await once(socket.resume(), 'close')
  const closed = readAll()
  for (const [name, { expected }] of Object.entries(SOCKET_MEMBERS)) {
    t.deepEqual(
      { connecting: connecting[name], secure: secure[name], closed: closed[name] } as Stages,
      expected,
      name,
    )
  }
})

test('node: _host is the name that a socket was asked for, and null for an address', async t => {
  const { port } = await startTls(t)
  for (const [host, expected] of [
    ['localhost', 'localhost'],
    ['127.0.0.1', null],
  ] as const) {
    const socket = net.connect({ host, port, lookup: toLoopback })
    await once(socket, 'connect')
    t.is<unknown, unknown>(hostOfSocket(socket), expected)
    socket.destroy()
  }
})

test('node: an unconnected socket has no handle, and TLS over it waits for connect', async t => {
  const { ca, port } = await startTls(t)
  const under = new net.Socket()
  t.is((under as unknown as Members)._handle, null)
  const socket = tls.connect({ socket: under, ca, servername: 'localhost' })
  t.true(socket.connecting)
  t.true(socket.listeners('connect').includes((socket as unknown as { _start(): void })._start))
  under.connect(port, '127.0.0.1')
  await once(socket, 'secureConnect')
  socket.destroy()
})

test('node: https.Agent puts _agentKey and _defaultAgent into the options, and its sessions into _sessionCache', async t => {
  const { cert: ca, issue } = await testAuthority()
  const identity = await issue({ commonName: 'localhost', usage: 'server' })
  const server = https.createServer({ ...identity, maxVersion: 'TLSv1.2' }, (_, response) =>
    response.end('!'),
  )
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => server.close())
  const { port } = server.address() as AddressInfo
  const { connect } = tls
  t.teardown(() => {
    tls.connect = connect
  })
  const seen: Members[] = []
  tls.connect = ((...args: Parameters<typeof connect>) => {
    const [options] = args as unknown as [Members]
    if (options.port === port) seen.push(options)
    return connect(...args)
  }) as typeof connect
  const agent = new https.Agent({ ca })
  for (let round = 0; round < 2; round++) {
    const [response] = await once(
      https.get({ host: 'localhost', port, agent, lookup: toLoopback }),
      'response',
    )
    await once((response as http.IncomingMessage).resume(), 'close')
    await new Promise(setImmediate)
  }
  const [first, second] = seen as [Members, Members]
  t.is(typeof first._agentKey, 'string')
  t.is(first._defaultAgent, https.globalAgent)
  t.is(first.agent, agent)
  t.is(first.session, undefined)
  const { _sessionCache: cache } = agent as unknown as { _sessionCache: { map: Members } }
  t.true(Buffer.isBuffer(second.session))
  t.true(Object.hasOwn(cache.map, first._agentKey as string))
})

test('node: _sharedCreds has the native context of a server, another one after setSecureContext', async t => {
  const { server, identity } = await startTls(t)
  const native = nativeContextOf(server)
  for (const method of ['setSessionIdContext', 'setOptions', 'enableTicketKeyCallback']) {
    t.is(typeof (native as unknown as Members)[method], 'function', method)
  }
  server.setSecureContext(identity)
  t.not(nativeContextOf(server), native)
})

test('node: onticketkeycallback of a native context is asked for the key of each ticket', async t => {
  const { server, ca, port } = await startTls(t, { maxVersion: 'TLSv1.2' })
  const native = nativeContextOf(server) as unknown as Members & { enableTicketKeyCallback(): void }
  const calls: unknown[][] = []
  native.onticketkeycallback = (name: Buffer, iv: Buffer, isEncrypting: boolean) => {
    calls.push([name.length, iv.length, isEncrypting])
    return [1, Buffer.alloc(16, 1), Buffer.alloc(16, 2), Buffer.alloc(16, 3), Buffer.alloc(16, 4)]
  }
  native.enableTicketKeyCallback()
  const socket = tls.connect({ port, ca, servername: 'localhost' })
  await once(socket.resume(), 'close')
  t.deepEqual(calls, [[16, 16, true]])
})

test('node: _contexts and the symbols of SNICallback and pskCallback say what a server has', async t => {
  const { server, identity } = await startTls(t)
  t.true(Array.isArray((server as unknown as Members)._contexts))
  t.false(hasContextsByName(server))
  t.false(hasPskCallback(server))
  server.addContext('other.example', identity)
  t.true(hasContextsByName(server))
  t.true(hasContextsByName(tls.createServer({ SNICallback: (_, done) => done(null) })))
  t.true(hasPskCallback(tls.createServer({ pskCallback: () => null, ciphers: 'PSK' })))
  const symbols = Object.getOwnPropertySymbols(server).map(({ description }) => description)
  for (const description of ['snicallback', 'pskcallback']) t.true(symbols.includes(description), description)
})

test('node: methods that change a native context are writable methods of its prototype', t => {
  const { context } = tls.createSecureContext()
  const prototype = Object.getPrototypeOf(context)
  t.is(Object.getPrototypeOf(prototype), Object.prototype)
  const names = [
    'addCACert',
    'addCRL',
    'addRootCerts',
    'setCert',
    'setKey',
    'setOptions',
    'setCiphers',
    'loadPKCS12',
  ]
  for (const name of names) {
    const { value, ...flags } = Object.getOwnPropertyDescriptor(prototype, name) ?? {}
    t.is(typeof value, 'function', name)
    t.deepEqual(flags, { configurable: true, enumerable: true, writable: true }, name)
  }
  // Those that the package does not watch change nothing.
  const getters = Object.getOwnPropertyNames(prototype).filter(name => name.startsWith('get'))
  t.deepEqual(getters.sort(), ['getCertificate', 'getIssuer', 'getMaxProto', 'getMinProto', 'getTicketKeys'])
})

test('node: getPeerCertificate translates what _handle.getPeerCertificate returns', async t => {
  const { ca, port, identity } = await startTls(t)
  const socket = tls.connect({ port, ca, servername: 'localhost' })
  await once(socket, 'secureConnect')
  const expected = socket.getPeerCertificate()
  t.deepEqual(translatePeerCertificate(new X509Certificate(identity.cert).toLegacyObject(), false), expected)
  await once(socket.resume(), 'close')
})

test('node: getPeerX509Certificate reads the chain again and again only from Node.js 24 on', async t => {
  const { ca, port } = await startTls(t)
  const socket = tls.connect({ port, ca, servername: 'localhost' })
  await once(socket, 'secureConnect')
  const chains = [socket.getPeerX509Certificate(), socket.getPeerX509Certificate()].map(leaf => {
    let length = 0
    for (let next = leaf; next && length < 9; next = next.issuerCertificate) length++
    return length
  })
  t.true((chains[0] as number) >= 1)
  if (major >= 24) t.is(chains[1], chains[0])
  await once(socket.resume(), 'close')
})

/** Members that the sources name, and that the tests above are about. */
const TESTED = [
  ...Object.keys(SOCKET_MEMBERS).flatMap(name => name.match(/\b_\w+/g) ?? []),
  ...['_agentKey', '_defaultAgent', '_sessionCache', '_sharedCreds', '_contexts'],
]

test('node: each undocumented member that src/node names has a test here', t => {
  const folder = new URL('../../src/node/', import.meta.url)
  const named = readdirSync(folder).flatMap(file => {
    const code = readFileSync(new URL(file, folder), 'utf8')
    // Properties, and keys of types and object patterns; not parameters that are unused.
    return [...code.matchAll(/(?:[.{,]\s*|^\s+)(_[a-z]\w+)\b(?=\??[.:;(),\s}])/gim)].map(
      ([, name]) => name as string,
    )
  })
  t.true(named.includes('_bytesDispatched'), 'the search finds members')
  const parameters = ['_iv']
  t.deepEqual(
    [...new Set(named)].filter(name => !TESTED.includes(name) && !parameters.includes(name)),
    [],
  )
})
