/** What an installed `tls.connect` does. Serial, since each test changes the whole process. */
import { once } from 'node:events'
import http2 from 'node:http2'
import https from 'node:https'
import { createRequire } from 'node:module'
import net, { type AddressInfo } from 'node:net'
import { Duplex } from 'node:stream'
import tls, { connect as namedConnect } from 'node:tls'
import test, { type ExecutionContext } from 'ava'
import {
  connect,
  HttpsAgent,
  type InstallOptions,
  install,
  SessionCache,
  sessionKey,
  uninstall,
} from 'tls-resumption'
import { finish, startServer, testAuthority } from '../support/server.ts'

const plain = tls.connect
const serial = test.serial
const UNTRUSTED = { code: 'UNABLE_TO_VERIFY_LEAF_SIGNATURE' }

test.afterEach.always(() => uninstall())

/** Installs with a cache of the test's own. */
function installed(options: InstallOptions = {}): SessionCache {
  const sessionCache = new SessionCache()
  install({ sessionCache, ...options })
  return sessionCache
}

/** The options with which a driver reaches a server, which are new objects each time. */
async function driver(t: ExecutionContext, options: tls.TlsOptions = {}) {
  const { port, ca, handshakes, server } = await startServer(t, options)
  const dial = (more: tls.ConnectionOptions = {}) => ({
    port,
    host: '127.0.0.1',
    servername: 'localhost',
    ca,
    ...more,
  })
  const visit = async (more?: tls.ConnectionOptions) => (await finish(tls.connect(dial(more)))).resumed
  return { port, ca, handshakes, server, dial, visit }
}

serial('install: every caller of tls.connect resumes', async t => {
  installed()
  const { visit, handshakes } = await driver(t)
  t.deepEqual([await visit(), await visit(), await visit()], [false, true, true])
  t.deepEqual(handshakes, { full: 1, resumed: 2 })
})

serial('a named import and a required module are reached, too', async t => {
  installed()
  const { dial, handshakes } = await driver(t)
  await finish(namedConnect(dial()))
  await finish(createRequire(import.meta.url)('node:tls').connect(dial()))
  t.deepEqual(handshakes, { full: 1, resumed: 1 })
})

serial('the functions look as they did', t => {
  const before = [tls.connect, tls.createSecureContext]
  const flags = (name: string) => {
    const { value: _, ...rest } = Object.getOwnPropertyDescriptor(tls, name) ?? {}
    return rest
  }
  const flagsBefore = ['connect', 'createSecureContext'].map(flags)
  installed()
  const after = [tls.connect, tls.createSecureContext]
  t.deepEqual(['connect', 'createSecureContext'].map(flags), flagsBefore)
  for (const [index, fn] of after.entries()) {
    t.not(fn, before[index] as never)
    t.is(fn.name, before[index]?.name ?? '')
    t.is(fn.length, before[index]?.length ?? -1)
  }
})

serial('installed twice, it is installed once, and the latest options hold', async t => {
  const first = installed()
  const { connect: one } = tls
  const second = installed()
  t.is(tls.connect, one)
  const { visit } = await driver(t)
  await visit()
  t.is(first.size, 0)
  t.true(second.size > 0)
})

serial('uninstalled, everything is as it was', async t => {
  const { createSecureContext } = tls
  const sessionCache = installed()
  const { visit } = await driver(t)
  await visit()
  uninstall()
  t.is(tls.connect, plain)
  t.is(namedConnect, plain)
  t.is(tls.createSecureContext, createSecureContext)
  const { size } = sessionCache
  t.false(await visit())
  t.is(sessionCache.size, size)
  t.notThrows(uninstall)
})

serial('what another package has put around it stays, and does what Node does', async t => {
  const sessionCache = installed()
  const installedConnect = tls.connect
  let calls = 0
  const wrapper = ((...args: [tls.ConnectionOptions]) => {
    calls++
    return installedConnect(...args)
  }) as typeof tls.connect
  tls.connect = wrapper
  const { visit } = await driver(t)
  t.deepEqual([await visit(), await visit()], [false, true])
  uninstall()
  t.is(tls.connect, wrapper)
  const { size } = sessionCache
  t.false(await visit())
  t.deepEqual([calls, sessionCache.size], [3, size])
  tls.connect = plain
})

serial('options are left as they are, and getters are read once', async t => {
  installed()
  const { dial, handshakes } = await driver(t)
  let reads = 0
  const options = Object.freeze({
    ...dial(),
    get servername() {
      reads++
      return 'localhost'
    },
  })
  await finish(tls.connect(options))
  await finish(tls.connect(options))
  t.is(reads, 2)
  t.deepEqual(handshakes, { full: 1, resumed: 1 })
})

serial('`this` and what is thrown are those of the function behind', t => {
  const seen: unknown[] = []
  tls.connect = function (this: unknown, ...args: unknown[]) {
    seen.push(this, args[0])
    throw new RangeError('no')
  } as never
  installed()
  const receiver = {}
  t.throws(() => Reflect.apply(tls.connect, receiver, [{ port: 1 }]), {
    instanceOf: RangeError,
    message: 'no',
  })
  t.is(seen[0], receiver)
  t.is(seen.length, 2)
  uninstall()
  tls.connect = plain
})

serial('a connection of our own goes by its own options', async t => {
  const sessionCache = installed()
  const { dial, handshakes, port, ca } = await driver(t)
  const own = new SessionCache()
  await finish(connect({ ...dial(), sessionCache: own }))
  await finish(connect({ ...dial(), sessionCache: own }))
  t.deepEqual(handshakes, { full: 1, resumed: 1 })
  await finish(connect({ ...dial(), sessionCache: null }))
  t.deepEqual(handshakes, { full: 2, resumed: 1 })
  t.is(sessionCache.size, 0)
  for (const agent of [new HttpsAgent({ sessionCache: null }), new HttpsAgent({ maxCachedSessions: 0 })]) {
    const socket = agent.createConnection({ port, host: '127.0.0.1', servername: 'localhost', ca } as never)
    await finish(socket as tls.TLSSocket)
  }
  t.deepEqual(handshakes, { full: 4, resumed: 1 })
  t.is(sessionCache.size, 0)
})

serial('a session of the caller wins, and what comes of it is not kept', async t => {
  const { visit, dial, handshakes } = await driver(t)
  let session: Buffer | undefined
  const socket = plain(dial())
  socket.on('session', latest => {
    session = latest
  })
  await finish(socket)
  const sessionCache = installed()
  t.true(await visit({ session }))
  t.is(sessionCache.size, 0)
  t.deepEqual(handshakes, { full: 1, resumed: 1 })
})

serial('install: cachePartition of a call of tls.connect separates its sessions', async t => {
  const sessionCache = installed()
  const { visit } = await driver(t)
  const resumed: boolean[] = []
  for (const cachePartition of ['a', 'a', 'b', undefined, 'a']) {
    resumed.push(await visit({ cachePartition } as tls.ConnectionOptions))
  }
  t.deepEqual(resumed, [false, true, false, false, true])
  const { sets } = sessionCache.stats()
  // tls.connect ignores the option, so a wrong one is no error; it only keeps the connection from being cached.
  for (const cachePartition of ['', 5, {}]) {
    t.false(await visit({ cachePartition } as tls.ConnectionOptions))
  }
  t.is(sessionCache.stats().sets, sets)
})

/** A server that answers, and an agent's request to it. */
async function startHttps(t: ExecutionContext) {
  const { cert: ca, issue } = await testAuthority()
  const identity = await issue({ commonName: 'localhost', usage: 'server' })
  const resumed: boolean[] = []
  const server = https.createServer({ ...identity, minVersion: 'TLSv1.3' }, (_request, response) =>
    response.end('!'),
  )
  server.on('secureConnection', socket => resumed.push(socket.isSessionReused()))
  t.teardown(() => server.close())
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const { port } = server.address() as AddressInfo
  const get = (agent: https.Agent) =>
    new Promise<void>((resolve, reject) => {
      const request = https.get({ port, host: '127.0.0.1', servername: 'localhost', ca, agent }, response => {
        response.resume().on('close', resolve)
      })
      request.on('error', reject)
    })
  return { ca, port, resumed, get }
}

serial(
  "an agent's own session is replaced by our choice: with singleUse no ticket is offered twice",
  async t => {
    const agent = new https.Agent()
    const { resumed, get } = await startHttps(t)
    installed({ sessionCache: new SessionCache({ singleUse: true }) })
    for (let n = 0; n < 6; n++) await get(agent)
    // Two tickets come of a full handshake, and none of a resumed one. An agent would offer the last again and again.
    t.deepEqual(resumed, [false, true, true, false, true, true])
  },
)

serial('install: a session that an agent has from before is offered while the cache has none', async t => {
  const agent = new https.Agent()
  const { resumed, get } = await startHttps(t)
  await get(agent)
  const sessionCache = installed()
  await get(agent)
  t.is(sessionCache.size, 0, 'nothing says how it was verified')
  await get(new https.Agent())
  await get(new https.Agent())
  t.deepEqual(resumed, [false, true, false, true])
})

serial('install: an agent with maxCachedSessions: 0 does not resume', async t => {
  const { resumed, get } = await startHttps(t)
  const sessionCache = installed()
  const agent = new https.Agent({ maxCachedSessions: 0 })
  for (let n = 0; n < 3; n++) await get(agent)
  t.deepEqual(resumed, [false, false, false])
  t.is(sessionCache.size, 0)
})

serial('http2.connect resumes', async t => {
  const { cert: ca, issue } = await testAuthority()
  const server = http2.createSecureServer(await issue({ commonName: 'localhost', usage: 'server' }))
  const resumed: boolean[] = []
  server.on('secureConnection', (socket: tls.TLSSocket) => resumed.push(socket.isSessionReused()))
  server.on('stream', (stream: http2.ServerHttp2Stream) => {
    stream.respond()
    stream.end('!')
  })
  t.teardown(() => server.close())
  await once(server.listen(0, '127.0.0.1'), 'listening')
  installed()
  for (let n = 0; n < 2; n++) {
    const session = http2.connect(`https://localhost:${(server.address() as AddressInfo).port}`, {
      ca,
      family: 4,
    } as never)
    const stream = session.request()
    stream.resume()
    await once(stream, 'close')
    session.close()
    await once(session, 'close')
  }
  t.deepEqual(resumed, [false, true])
})

serial('install: a context for each connection counts by the options it is made from', async t => {
  installed()
  const { visit, ca } = await driver(t)
  const context = () => ({ secureContext: tls.createSecureContext({ ca }) })
  t.deepEqual([await visit(context()), await visit(context())], [false, true])
  t.true(await visit(), 'and are as good as their options')
})

serial('contexts made under other defaults are other ones', t => {
  installed()
  const keyOf = () => sessionKey({ host: 'a.example', port: 1, secureContext: tls.createSecureContext() })
  const before = keyOf()
  const { DEFAULT_CIPHERS } = tls
  t.teardown(() => {
    tls.DEFAULT_CIPHERS = DEFAULT_CIPHERS
  })
  tls.DEFAULT_CIPHERS = 'ECDHE-ECDSA-AES256-GCM-SHA384'
  t.not(keyOf(), before)
  tls.DEFAULT_CIPHERS = DEFAULT_CIPHERS
  t.is(keyOf(), before)
})

serial(
  "install: a session of a connection that is not cached is the caller's, as with plain Node",
  async t => {
    const { issue } = await testAuthority()
    const wrongName = await issue({ commonName: 'other', dnsNames: ['other.example'], usage: 'server' })
    installed()
    const { dial } = await driver(t, wrongName)
    let session: Buffer | undefined
    for (let round = 0; round < 2; round++) {
      // The second of its text, so that nothing of it is cached.
      const socket = tls.connect(
        dial({ checkServerIdentity: (name: string) => (name ? undefined : new Error('no name')) }),
      )
      socket.on('session', latest => {
        session = latest
      })
      await finish(socket)
    }
    t.deepEqual(await finish(tls.connect(dial({ session }))), await finish(plain(dial({ session }))))
  },
)

serial(
  'install: a session of a lenient connection does not authorize a strict one that passes it',
  async t => {
    const { issue } = await testAuthority()
    const wrongName = await issue({ commonName: 'other', dnsNames: ['other.example'], usage: 'server' })
    installed()
    const { dial } = await driver(t, wrongName)
    const socket = tls.connect(dial({ rejectUnauthorized: false }))
    const [[session]] = await Promise.all([once(socket, 'session'), finish(socket)])
    t.true((await finish(plain(dial({ session })))).authorized, 'Node is fooled')
    await t.throwsAsync(finish(tls.connect(dial({ session }))), { code: 'ERR_TLS_CERT_ALTNAME_INVALID' })
  },
)

serial('a context that was changed since counts by what it is', async t => {
  installed()
  const { ca } = await driver(t)
  const options = { host: 'a.example', port: 1 }
  const keyOf = (secureContext: tls.SecureContext) => sessionKey({ ...options, secureContext })
  const changed = tls.createSecureContext()
  t.is(keyOf(changed), keyOf(tls.createSecureContext()))
  ;(changed.context as { addCACert(pem: string): void }).addCACert(ca)
  t.not(keyOf(changed), keyOf(tls.createSecureContext()))
  t.is(keyOf(changed), keyOf(changed))
  // One context with the native part of another, too.
  const swapped = tls.createSecureContext()
  swapped.context = changed.context
  t.not(keyOf(swapped), keyOf(tls.createSecureContext()))
})

serial('a peer met with a changed context does not authorize without it', async t => {
  installed()
  const { dial, ca } = await driver(t)
  const secureContext = tls.createSecureContext()
  ;(secureContext.context as { addCACert(pem: string): void }).addCACert(ca)
  const { ca: _, ...rest } = dial()
  t.true((await finish(tls.connect({ ...rest, secureContext }))).authorized)
  await t.throwsAsync(finish(tls.connect(rest)), UNTRUSTED)
  await t.throwsAsync(finish(tls.connect({ ...rest, secureContext: tls.createSecureContext() })), UNTRUSTED)
})

serial(
  'a context that a wrapper changes is noticed, whether the wrapper came before install() or after',
  async t => {
    const { dial, ca } = await driver(t)
    const { ca: _, ...rest } = dial()
    const adding = (behind: typeof tls.createSecureContext): typeof tls.createSecureContext => {
      return options => {
        const context = behind(options)
        ;(context.context as { addCACert(pem: string): void }).addCACert(ca)
        return context
      }
    }
    const { createSecureContext } = tls
    for (const order of ['before', 'after']) {
      if (order === 'before') tls.createSecureContext = adding(createSecureContext)
      installed()
      if (order === 'after') tls.createSecureContext = adding(tls.createSecureContext)
      t.is(sessionKey(rest), undefined)
      for (let round = 0; round < 2; round++) {
        t.deepEqual(await finish(tls.connect(rest)), { resumed: false, authorized: true })
      }
      uninstall()
      tls.createSecureContext = createSecureContext
      installed()
      await t.throwsAsync(finish(tls.connect(rest)), UNTRUSTED, order)
      uninstall()
    }
  },
)

for (const [title, options, resumes] of [
  ['include names the host', { include: ['127.0.0.1'] }, true],
  ['include names the server name, in other case', { include: ['LOCALHOST'] }, true],
  ['include names another host', { include: ['other.example'] }, false],
  ['include is empty', { include: [] }, false],
  ['exclude names the host', { exclude: ['127.0.0.1'] }, false],
  ['exclude names the server name', { exclude: ['localhost'] }, false],
  ['exclude names another port of the host', { exclude: ['localhost:1'] }, true],
  ['exclude names another host', { exclude: ['host'] }, true],
  ['exclude goes before include', { include: ['localhost'], exclude: ['localhost'] }, false],
  ['sampleRate is 0', { sampleRate: 0 }, false],
  ['sampleRate is 1', { sampleRate: 1 }, true],
] as const) {
  serial(`when ${title}, a connection ${resumes ? 'resumes' : 'does not resume'}`, async t => {
    installed(options)
    const { visit } = await driver(t)
    t.deepEqual([await visit(), await visit()], [false, resumes])
  })
}

serial('a port, a domain and a path may be named', async t => {
  const { issue } = await testAuthority()
  const identity = await issue({ commonName: 'a', dnsNames: ['db.a.example', 'a.example'], usage: 'server' })
  const { visit, port } = await driver(t, identity)
  installed({ include: [`127.0.0.1:${port}`] })
  t.deepEqual(
    [await visit({ servername: 'db.a.example' }), await visit({ servername: 'db.a.example' })],
    [false, true],
  )
  installed({ include: ['*.a.example'] })
  t.deepEqual(
    [await visit({ servername: 'db.a.example' }), await visit({ servername: 'db.a.example' })],
    [false, true],
  )
  t.deepEqual(
    [await visit({ servername: 'a.example' }), await visit({ servername: 'a.example' })],
    [false, false],
  )
  installed({ include: ['[::1]:5', '::1', '/run/peer.sock'] })
  t.false(await visit({ servername: 'a.example' }))
})

serial('install: with a sampleRate of one half some connections resume and others do not', async t => {
  const sessionCache = installed({ sampleRate: 0.5 })
  const { visit } = await driver(t)
  const seen = new Set<boolean>()
  for (let n = 0; n < 200 && seen.size < 2; n++) seen.add(await visit())
  t.deepEqual([...seen].sort(), [false, true])
  t.true(sessionCache.size > 0)
})

serial(
  'install: TLS within a stream that is no socket does not resume, as within the protocol of SQL Server',
  async t => {
    const sessionCache = installed()
    const { port, dial } = await driver(t)
    for (let n = 0; n < 2; n++) {
      const under = net.connect(port, '127.0.0.1')
      const socket = tls.connect({ ...dial(), socket: new Tunnel(under) })
      // The greeting comes after all tickets.
      await once(socket, 'data')
      t.false(socket.isSessionReused())
      socket.destroy()
      under.destroy()
    }
    t.is(sessionCache.size, 0)
  },
)

/** A stream within another protocol, as it seems from outside. */
class Tunnel extends Duplex {
  constructor(readonly under: net.Socket) {
    super()
    under.on('data', data => this.push(data))
    under.on('end', () => this.push(null))
  }

  override _read(): void {}

  override _write(data: Buffer, _encoding: string, done: () => void): void {
    this.under.write(data, () => done())
  }

  override _final(done: () => void): void {
    this.under.end()
    done()
  }
}

serial('options that are wrong are refused, and what held before holds', async t => {
  installed()
  const { visit } = await driver(t)
  await visit()
  for (const [options, code] of [
    [null, 'ERR_INVALID_ARG_TYPE'],
    [{ include: 'a' }, 'ERR_INVALID_ARG_TYPE'],
    [{ exclude: [1] }, 'ERR_INVALID_ARG_TYPE'],
    [{ exclude: ['a b'] }, 'ERR_OUT_OF_RANGE'],
    [{ exclude: ['a*'] }, 'ERR_OUT_OF_RANGE'],
    [{ exclude: ['https://a.example'] }, 'ERR_OUT_OF_RANGE'],
    [{ exclude: [''] }, 'ERR_OUT_OF_RANGE'],
    [{ sampleRate: '1' }, 'ERR_INVALID_ARG_TYPE'],
    [{ sampleRate: 1.1 }, 'ERR_OUT_OF_RANGE'],
    [{ sampleRate: Number.NaN }, 'ERR_OUT_OF_RANGE'],
    [{ sessionCache: {} }, 'ERR_INVALID_ARG_TYPE'],
    [{ maxAge: '1' }, 'ERR_INVALID_ARG_TYPE'],
    [{ maxAge: 0 }, 'ERR_OUT_OF_RANGE'],
    [{ maxAge: 604_800_001 }, 'ERR_OUT_OF_RANGE'],
    [{ excludes: [] }, 'ERR_TLS_RESUMPTION_UNKNOWN_OPTION'],
    [{ share: 1 }, 'ERR_TLS_RESUMPTION_UNKNOWN_OPTION'],
  ] as const) {
    t.throws(() => install(options as never), { code }, JSON.stringify(options))
  }
  t.true(await visit())
})

/** The key of a connection with that context. */
function keyWith(secureContext: tls.SecureContext): string | undefined {
  return sessionKey({ host: 'db.example', port: 1, secureContext })
}

serial('a context is known by the options that Node read, inherited ones, too', async t => {
  installed()
  const { cert: ca } = await testAuthority()
  const trusting = keyWith(tls.createSecureContext({ ca }))
  const byDefault = keyWith(tls.createSecureContext())
  t.is(keyWith(tls.createSecureContext(Object.create({ ca }))), trusting)
  let reads = 0
  const computed = {
    get ca() {
      return reads++ === 0 ? undefined : ca
    },
  }
  for (const options of [computed, Object.create(computed), new Proxy({ ca }, {})]) {
    const key = keyWith(tls.createSecureContext(options))
    t.false(key === byDefault || key === trusting)
  }
})

serial('a peer met with an inherited CA does not authorize without it', async t => {
  installed()
  const { dial, ca } = await driver(t)
  const trusting = tls.createSecureContext(Object.create({ ca }))
  await finish(tls.connect(dial({ ca: undefined, secureContext: trusting })))
  const byDefault = tls.createSecureContext()
  await t.throwsAsync(finish(tls.connect(dial({ ca: undefined, secureContext: byDefault }))), UNTRUSTED)
})

serial('each change of a context makes it another one', async t => {
  installed()
  const { cert: ca } = await testAuthority()
  const secureContext = tls.createSecureContext() as tls.SecureContext & {
    context: { addCACert(certificate: string): void }
  }
  const keys = [keyWith(secureContext)]
  for (let change = 0; change < 2; change++) {
    secureContext.context.addCACert(ca)
    keys.push(keyWith(secureContext))
  }
  const other = tls.createSecureContext() as typeof secureContext
  other.context.addCACert(ca)
  secureContext.context = other.context
  keys.push(keyWith(secureContext))
  t.is(new Set(keys).size, keys.length)
})

serial('a wrapper that adds CAs to every context may have more of them later', async t => {
  installed()
  const { dial, ca } = await driver(t)
  const added: string[] = []
  const { createSecureContext } = tls
  t.teardown(() => {
    tls.createSecureContext = createSecureContext
  })
  tls.createSecureContext = options => {
    const context = createSecureContext(options) as tls.SecureContext & {
      context: { addCACert(certificate: string): void }
    }
    for (const certificate of added) context.context.addCACert(certificate)
    return context
  }
  const visit = () => finish(tls.connect(dial({ ca: undefined })))
  await t.throwsAsync(visit(), UNTRUSTED)
  added.push(ca)
  t.deepEqual(await visit(), { resumed: false, authorized: true })
  t.deepEqual(await visit(), { resumed: false, authorized: true })
})

serial('createSecureContext hands on its `this` and all that it is given', t => {
  const { createSecureContext } = tls
  t.teardown(() => {
    tls.createSecureContext = createSecureContext
  })
  const calls: unknown[] = []
  tls.createSecureContext = function (this: unknown, ...args: unknown[]) {
    calls.push(this, ...args)
    return createSecureContext()
  } as typeof createSecureContext
  installed()
  const options = {}
  const all = [options, 'more']
  Reflect.apply(tls.createSecureContext, tls, all)
  uninstall()
  t.deepEqual(calls, [tls, ...all])
})

serial('install: in a runtime that is not supported it warns once, and tls.connect stays', async t => {
  const { versions } = process
  const warnings: string[] = []
  const listen = ({ message }: Error) => warnings.push(message)
  process.on('warning', listen)
  t.teardown(() => {
    process.off('warning', listen)
    Object.defineProperty(process, 'versions', { value: versions })
  })
  Object.defineProperty(process, 'versions', { value: { ...versions, bun: '1.4.5' }, configurable: true })
  install()
  install()
  t.is(tls.connect, plain)
  await new Promise(setImmediate)
  t.deepEqual(warnings, ['install() changes nothing: this is Bun 1.4.5, whose TLS is not that of Node.js'])
})
