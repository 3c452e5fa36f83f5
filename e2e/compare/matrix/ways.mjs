/**
 * The ways to connect. Each has a name, a server if it is not the echo, and `run`, which makes one visit. Whatever an
 * application could notice goes into the record of `t`: see world.mjs.
 */
import { AsyncLocalStorage } from 'node:async_hooks'
import { once } from 'node:events'
import http2 from 'node:http2'
import https from 'node:https'
import { createRequire } from 'node:module'
import net from 'node:net'
import { join } from 'node:path'
import { Duplex, pipeline } from 'node:stream'
import tls, { connect as namedConnect } from 'node:tls'
import { Worker } from 'node:worker_threads'
import { describe, describeError } from './recorder.mjs'
import { closed, closedPort, sleep } from './world.mjs'

const required = createRequire(import.meta.url)('node:tls')
const ONLY_1_2 = ['TLSv1.2']
const lenient = { rejectUnauthorized: false }

/** How `tls.connect` is called. */
const forms = [
  { name: 'tls.connect(options)', run: t => t.talk(tls.connect(t.options())) },
  {
    name: 'tls.connect(options, callback)',
    run: t => t.talk(tls.connect(t.options(), () => t.note('callback', 'callback'))),
  },
  {
    name: 'tls.connect(port, host, options, callback)',
    run: t =>
      t.talk(
        tls.connect(t.port, 'localhost', { ca: t.pki.root }, function () {
          t.note(`this is a ${this.constructor.name}`, 'callback')
        }),
      ),
  },
  { name: 'tls.connect(port, options)', run: t => t.talk(tls.connect(t.port, { ca: t.pki.root })) },
  { name: 'tls.connect(port) without a trusted authority', run: t => t.talk(tls.connect(t.port)) },
  { name: 'tls.connect(String(port))', run: t => t.talk(tls.connect(t.options({ port: String(t.port) }))) },
  { name: 'named import', run: t => t.talk(namedConnect(t.options())) },
  { name: 'require', run: t => t.talk(required.connect(t.options())) },
  {
    name: 'tls.connect as a value',
    run: async t => {
      const { name, length } = tls.connect
      t.note(`${name} ${length} ${Object.keys(tls.connect)} ${tls.connect === required.connect}`)
      t.note(`${tls.createSecureContext.name} ${tls.createSecureContext.length}`)
      const { value: _, ...descriptor } = Object.getOwnPropertyDescriptor(tls, 'connect')
      t.note(JSON.stringify(descriptor))
    },
  },
  {
    name: 'options are frozen',
    run: t => t.talk(tls.connect(Object.freeze(t.options({ ALPNProtocols: Object.freeze(['a']) })))),
  },
  {
    name: 'options without a prototype',
    run: t => t.talk(tls.connect(Object.assign(Object.create(null), t.options()))),
  },
  {
    name: 'options with getters',
    run: t =>
      t.talk(
        tls.connect({
          get port() {
            t.note('port is read', 'getters')
            return t.port
          },
          get ca() {
            return t.pki.root
          },
        }),
      ),
  },
  {
    name: 'options stay as they are',
    run: async t => {
      const options = t.options({ servername: 'localhost', timeout: 4000 })
      await t.talk(tls.connect(options))
      t.note(
        Object.entries(options)
          .map(([name, value]) => `${name}: ${typeof value}`)
          .join(),
      )
    },
  },
  { name: 'new tls.TLSSocket()', run: t => t.talk(overNewSocket(t)) },
  {
    name: 'invalid options',
    run: async t => {
      for (const wrong of [
        { port: 70_000 },
        { port: -1 },
        { ca: 'no certificate' },
        { ca: 5 },
        { ciphers: 'NO-SUCH-CIPHER' },
        { minVersion: 'TLSv9' },
        { minVersion: 'TLSv1.3', maxVersion: 'TLSv1.2' },
        { ALPNProtocols: 'h2' },
        { servername: 5 },
        { host: 5 },
        { session: 5 },
        { checkServerIdentity: 5 },
        { lookup: 5 },
        { timeout: 'soon' },
        { signal: 5 },
        { cert: t.pki.client.cert, key: t.pki.direct.key },
      ]) {
        try {
          const socket = tls.connect(t.options({ ...wrong }))
          socket.on('error', error =>
            t.note(`${Object.keys(wrong)} emits ${describeError(error)}`, Object.keys(wrong).join()),
          )
          socket.on('secureConnect', () => socket.end())
          socket.resume()
          await closed(socket)
        } catch (error) {
          t.note(`${Object.keys(wrong)} throws ${describeError(error)}`)
        }
      }
    },
  },
]

function overNewSocket(t) {
  const socket = new tls.TLSSocket(net.connect(t.port), {
    secureContext: tls.createSecureContext({ ca: t.pki.root }),
  })
  socket.once('secure', () => socket.emit('secureConnect'))
  // The handshake begins when there is something to write.
  socket.write('early')
  return socket
}

/** Where a connection goes. */
const endpoints = [
  { name: 'IPv4 address', run: t => t.talk(tls.connect(t.options({ host: '127.0.0.1' }))) },
  {
    name: 'IPv6 address',
    run: t => t.talk(tls.connect(t.options({ host: '::1' }))),
  },
  { name: 'host in capitals', run: t => t.talk(tls.connect(t.options({ host: 'LOCALHOST' }))) },
  {
    name: 'host with a final dot',
    run: t => t.talk(tls.connect(t.options({ host: 'localhost.', lookup: toLoopback }))),
  },
  { name: 'family 4', run: t => t.talk(tls.connect(t.options({ family: 4 }))) },
  {
    name: 'localAddress',
    run: t => t.talk(tls.connect(t.options({ host: '127.0.0.1', localAddress: '127.0.0.1' }))),
  },
  {
    name: 'path of a unix socket',
    server: t => t.echo({}, join(t.directory, `unix-${t.version}`)),
    run: t => t.talk(tls.connect({ path: t.port ?? join(t.directory, `unix-${t.version}`), ca: t.pki.root })),
  },
  {
    name: 'path of a unix socket with servername',
    server: t => t.echo({}, join(t.directory, `named-${t.version}`)),
    run: t =>
      t.talk(
        tls.connect({
          path: join(t.directory, `named-${t.version}`),
          ca: t.pki.root,
          servername: 'localhost',
        }),
      ),
  },
  {
    name: 'lookup of the caller',
    run: t =>
      t.talk(tls.connect(t.options({ host: 'some.example', servername: 'localhost', lookup: toLoopback }))),
  },
  {
    name: 'lookup that fails',
    run: t =>
      t.talk(
        tls.connect(
          t.options({
            host: 'none.example',
            lookup: (_host, _options, callback) =>
              process.nextTick(callback, Object.assign(new Error('no such name'), { code: 'ENOTFOUND' })),
          }),
        ),
      ),
  },
  {
    name: 'lookup that throws',
    run: async t => {
      const lookup = () => {
        throw new Error('from lookup')
      }
      try {
        await t.talk(tls.connect(t.options({ host: 'none.example', lookup })))
      } catch (error) {
        t.note(`throws ${describeError(error)}`)
      }
    },
  },
  {
    name: 'Happy Eyeballs: the first address refuses',
    server: t => t.echo({}, 0, '127.0.0.1'),
    run: t =>
      t.talk(
        tls.connect(
          t.options({
            host: 'two.example',
            servername: 'localhost',
            autoSelectFamily: true,
            lookup: (_host, _options, callback) =>
              process.nextTick(callback, null, [
                { address: '::1', family: 6 },
                { address: '127.0.0.1', family: 4 },
              ]),
          }),
        ),
      ),
  },
  {
    name: 'Happy Eyeballs: every address refuses',
    run: async t =>
      t.talk(
        tls.connect(
          t.options({
            port: await closedPort(),
            host: 'two.example',
            autoSelectFamily: true,
            lookup: (_host, _options, callback) =>
              process.nextTick(callback, null, [
                { address: '::1', family: 6 },
                { address: '127.0.0.1', family: 4 },
              ]),
          }),
        ),
      ),
  },
  { name: 'autoSelectFamily false', run: t => t.talk(tls.connect(t.options({ autoSelectFamily: false }))) },
  {
    name: 'connection refused',
    run: async t => t.talk(tls.connect(t.options({ port: await closedPort(), host: '127.0.0.1' }))),
  },
]

function toLoopback(_host, { all }, callback) {
  const address = { address: '127.0.0.1', family: 4 }
  process.nextTick(callback, null, ...(all ? [[address]] : [address.address, address.family]))
}

/** Certificates, and what the caller makes of them. */
const trust = [
  {
    name: 'chain with an intermediate',
    server: t => t.echo(t.pki.chained),
    run: t => t.talk(tls.connect(t.options())),
  },
  {
    name: 'chain with an intermediate, lenient',
    server: t => t.echo(t.pki.chained),
    run: t => t.talk(tls.connect(t.options(lenient))),
  },
  { name: 'wrong CA', run: t => t.talk(tls.connect(t.options({ ca: t.pki.unknownRoot }))) },
  {
    name: 'wrong CA, lenient',
    run: t => t.talk(tls.connect(t.options({ ca: t.pki.unknownRoot, ...lenient }))),
  },
  { name: 'wrong name', server: t => t.echo(t.pki.otherName), run: t => t.talk(tls.connect(t.options())) },
  {
    name: 'wrong name, lenient',
    server: t => t.echo(t.pki.otherName),
    run: t => t.talk(tls.connect(t.options(lenient))),
  },
  { name: 'expired', server: t => t.echo(t.pki.expired), run: t => t.talk(tls.connect(t.options())) },
  {
    name: 'expired, lenient',
    server: t => t.echo(t.pki.expired),
    run: t => t.talk(tls.connect(t.options(lenient))),
  },
  { name: 'self-signed', server: t => t.echo(t.pki.selfSigned), run: t => t.talk(tls.connect(t.options())) },
  {
    name: 'self-signed, lenient',
    server: t => t.echo(t.pki.selfSigned),
    run: t => t.talk(tls.connect(t.options(lenient))),
  },
  {
    name: 'self-signed and pinned as CA',
    server: t => t.echo(t.pki.selfSigned),
    run: t => t.talk(tls.connect(t.options({ ca: t.pki.selfSigned.cert }))),
  },
  {
    name: 'strict after lenient',
    server: t => t.echo(t.pki.otherName),
    run: async t => {
      await t.talk(tls.connect(t.options(lenient)), { label: 'lenient' })
      await t.talk(tls.connect(t.options()), { label: 'strict' })
    },
  },
  {
    name: 'checkServerIdentity that approves',
    run: t => {
      t.kept.check ??= () => undefined
      return t.talk(tls.connect(t.options({ checkServerIdentity: t.kept.check })))
    },
  },
  {
    name: 'checkServerIdentity that notes its arguments',
    server: t => t.echo(t.pki.chained),
    run: t =>
      t.talk(
        tls.connect(
          t.options({
            checkServerIdentity: (...args) => {
              const [host, certificate] = args
              t.note(`${args.length} ${host} ${Object.keys(certificate)}`, 'check')
              for (let each = certificate; each; each = each.issuerCertificate) {
                t.note(each.subject.CN, 'check')
                if (each.issuerCertificate === each) break
              }
            },
          }),
        ),
      ),
  },
  {
    name: 'checkServerIdentity that rejects',
    run: t =>
      t.talk(
        tls.connect(
          t.options({
            checkServerIdentity: () => Object.assign(new Error('not this peer'), { code: 'MINE' }),
          }),
        ),
      ),
  },
  {
    name: 'checkServerIdentity that rejects, lenient',
    run: t =>
      t.talk(tls.connect(t.options({ ...lenient, checkServerIdentity: () => new Error('not this peer') }))),
  },
  {
    name: 'checkServerIdentity that throws',
    run: t =>
      Promise.race([
        sleep(300),
        t.talk(
          tls.connect(
            t.options({
              checkServerIdentity: () => {
                throw new Error('from the check')
              },
            }),
          ),
        ),
      ]),
  },
  {
    name: 'client certificate',
    server: t => t.echo({ requestCert: true, ca: t.pki.root }),
    run: t => t.talk(tls.connect(t.options(t.pki.client))),
  },
  {
    name: 'client certificate missing',
    server: t => t.echo({ requestCert: true, ca: t.pki.root }),
    run: t => t.talk(tls.connect(t.options())),
  },
  {
    name: 'client certificate optional',
    server: t => t.echo({ requestCert: true, rejectUnauthorized: false, ca: t.pki.root }),
    run: t => t.talk(tls.connect(t.options())),
  },
  {
    name: 'client certificate of another authority',
    server: t => t.echo({ requestCert: true, ca: t.pki.unknownRoot }),
    run: t => t.talk(tls.connect(t.options(t.pki.client))),
  },
  {
    name: 'secureContext for each connection',
    run: t =>
      t.talk(
        tls.connect(t.options({ ca: undefined, secureContext: tls.createSecureContext({ ca: t.pki.root }) })),
      ),
  },
  {
    name: 'secureContext shared',
    run: t => {
      t.kept.context ??= tls.createSecureContext({ ca: t.pki.root })
      return t.talk(tls.connect(t.options({ ca: undefined, secureContext: t.kept.context })))
    },
  },
  {
    name: 'requestOCSP without an answer',
    run: t => t.talk(tls.connect(t.options({ requestOCSP: true }))),
  },
  {
    name: 'requestOCSP with an answer',
    server: async t => {
      const server = await t.echo()
      server.on('OCSPRequest', (_certificate, _issuer, callback) => callback(null, Buffer.from('answer')))
    },
    run: t => t.talk(tls.connect(t.options({ requestOCSP: true }))),
  },
  {
    name: 'pre-shared key',
    server: t =>
      t.echo({
        cert: undefined,
        key: undefined,
        ciphers: 'PSK+HIGH:TLS_AES_128_GCM_SHA256',
        pskCallback: (_socket, identity) => (identity === 'me' ? Buffer.alloc(32, 1) : null),
      }),
    run: t =>
      t.talk(
        tls.connect(
          t.options({
            ciphers: 'PSK+HIGH:TLS_AES_128_GCM_SHA256',
            checkServerIdentity: () => undefined,
            pskCallback: () => ({ psk: Buffer.alloc(32, 1), identity: 'me' }),
          }),
        ),
      ),
  },
]

/** Names, protocols and versions. */
const negotiation = [
  {
    name: 'ALPN in common',
    server: t => t.echo({ ALPNProtocols: ['b', 'a'] }),
    run: t => t.talk(tls.connect(t.options({ ALPNProtocols: ['a', 'b'] }))),
  },
  {
    name: 'ALPN not in common',
    server: t => t.echo({ ALPNProtocols: ['c'] }),
    run: t => t.talk(tls.connect(t.options({ ALPNProtocols: ['a'] }))),
  },
  {
    name: 'ALPN as bytes, chosen by a callback',
    server: t => t.echo({ ALPNCallback: ({ protocols }) => protocols.at(-1) }),
    run: t => t.talk(tls.connect(t.options({ ALPNProtocols: Buffer.from('\x01a\x01b', 'latin1') }))),
  },
  {
    name: 'ALPN that changes from visit to visit',
    server: t => t.echo({ ALPNProtocols: ['a', 'b'] }),
    run: t => t.talk(tls.connect(t.options({ ALPNProtocols: [t.visit === 'third' ? 'b' : 'a'] }))),
  },
  {
    name: 'servername other than host',
    server: async t => {
      const server = await t.echo()
      server.addContext('other.example', { ...t.pki.otherName })
    },
    run: t => t.talk(tls.connect(t.options({ servername: 'other.example' }))),
  },
  { name: 'servername empty', run: t => t.talk(tls.connect(t.options({ servername: '' }))) },
  {
    name: 'servername empty, lenient',
    run: t => t.talk(tls.connect(t.options({ servername: '', ...lenient }))),
  },
  {
    name: 'servername that is an address',
    run: t => t.talk(tls.connect(t.options({ servername: '127.0.0.1' }))),
  },
  {
    name: 'servername for an address',
    run: t => t.talk(tls.connect(t.options({ host: '127.0.0.1', servername: 'localhost' }))),
  },
  {
    name: 'SNICallback of the server',
    server: t =>
      t.echo({
        SNICallback: (name, callback) =>
          setTimeout(
            callback,
            5,
            null,
            name === 'localhost' ? tls.createSecureContext(t.pki.chained) : undefined,
          ),
      }),
    run: t => t.talk(tls.connect(t.options())),
  },
  {
    name: 'socket.setServername()',
    run: t => {
      const socket = tls.connect(t.options())
      socket.setServername('another.example')
      return t.talk(socket)
    },
  },
  {
    name: 'minVersion and maxVersion',
    run: t => t.talk(tls.connect(t.options({ minVersion: t.version, maxVersion: t.version }))),
  },
  {
    name: 'no version in common',
    run: t => {
      const other = t.version === 'TLSv1.2' ? 'TLSv1.3' : 'TLSv1.2'
      return t.talk(tls.connect(t.options({ minVersion: other, maxVersion: other })))
    },
  },
  {
    name: 'ciphers of the caller',
    run: t =>
      t.talk(tls.connect(t.options({ ciphers: 'ECDHE-ECDSA-AES256-GCM-SHA384:TLS_AES_256_GCM_SHA384' }))),
  },
  {
    name: 'ecdhCurve and sigalgs',
    run: t => t.talk(tls.connect(t.options({ ecdhCurve: 'P-256', sigalgs: 'ecdsa_secp256r1_sha256' }))),
  },
]

/** Sessions in the hands of the caller. */
const sessions = [
  {
    name: 'session from the event',
    run: async t => {
      const socket = tls.connect(t.options({ session: t.kept.session }))
      socket.on('session', session => {
        t.kept.session = session
      })
      await t.talk(socket)
    },
  },
  {
    name: 'session from getSession()',
    run: async t => {
      const socket = tls.connect(t.options({ session: t.kept.session }))
      socket.on('data', () => {
        t.kept.session = socket.getSession()
      })
      await t.talk(socket)
    },
  },
  {
    name: 'session from getSession() to another port',
    server: async t => {
      const ticketKeys = Buffer.alloc(48, 7)
      const sessionIdContext = 'both'
      await t.echo({ ticketKeys, sessionIdContext })
      const other = await t.echo({ ticketKeys, sessionIdContext })
      t.kept.otherPort = other.address().port
    },
    run: async t => {
      let session
      const control = tls.connect(t.options())
      control.on('data', () => {
        session = control.getSession()
      })
      await t.talk(control)
      const data = tls.connect(t.options({ port: t.kept.otherPort, session }))
      await t.talk(data, { label: 'data' })
    },
  },
  {
    name: 'session that is no session',
    run: t => t.talk(tls.connect(t.options({ session: Buffer.from('no session') }))),
  },
  {
    name: 'session with a check of its own',
    run: async t => {
      const socket = tls.connect(t.options({ session: t.kept.session, checkServerIdentity: () => undefined }))
      socket.on('session', session => {
        t.kept.session = session
      })
      await t.talk(socket)
    },
  },
  {
    name: 'session with requestOCSP',
    run: async t => {
      const socket = tls.connect(t.options({ session: t.kept.session, requestOCSP: true }))
      socket.on('session', session => {
        t.kept.session = session
      })
      await t.talk(socket)
    },
  },
  {
    name: 'session over a given socket',
    run: async t => {
      const given = net.connect(t.port)
      await once(given, 'connect')
      const socket = tls.connect({
        socket: given,
        ca: t.pki.root,
        session: t.kept.session,
        servername: 'localhost',
      })
      socket.on('session', session => {
        t.kept.session = session
      })
      await t.talk(socket)
    },
  },
  {
    name: 'setSession() right after connect',
    run: async t => {
      const socket = tls.connect(t.options())
      if (t.kept.session) socket.setSession(t.kept.session)
      socket.on('session', session => {
        t.kept.session = session
      })
      await t.talk(socket)
    },
  },
  {
    name: 'setSession() in a connect listener',
    run: async t => {
      const socket = tls.connect(t.options())
      socket.on('connect', () => {
        if (t.kept.session) socket.setSession(t.kept.session)
      })
      socket.on('session', session => {
        t.kept.session = session
      })
      await t.talk(socket)
    },
  },
  {
    name: 'setSession() with wrong arguments',
    run: async t => {
      const socket = tls.connect(t.options())
      for (const wrong of [undefined, null, 5, {}]) {
        try {
          socket.setSession(wrong)
          t.note(`${wrong} is accepted`, 'setSession')
        } catch (error) {
          t.note(describeError(error), 'setSession')
        }
      }
      await t.talk(socket)
    },
  },
  {
    name: 'server without sessions',
    server: t => t.echo({ secureOptions: 16_384, sessionTimeout: 1 }),
    run: t => t.talk(tls.connect(t.options())),
  },
]

/** How a connection ends, and when. */
const endings = [
  {
    name: 'signal aborted before',
    run: t => quietly(t, tls.connect(t.options({ signal: AbortSignal.abort() }))),
  },
  {
    name: 'signal aborted before, to an address',
    run: t => quietly(t, tls.connect(t.options({ host: '127.0.0.1', signal: AbortSignal.abort() }))),
  },
  {
    name: 'signal aborted at the next tick',
    run: t => aborted(t, (_socket, abort) => process.nextTick(abort)),
  },
  { name: 'signal aborted in a microtask', run: t => aborted(t, (_socket, abort) => queueMicrotask(abort)) },
  { name: 'signal aborted at lookup', run: t => aborted(t, (socket, abort) => socket.on('lookup', abort)) },
  { name: 'signal aborted at connect', run: t => aborted(t, (socket, abort) => socket.on('connect', abort)) },
  {
    name: 'signal aborted right after connect',
    run: t => aborted(t, (socket, abort) => socket.on('connect', () => setImmediate(abort))),
  },
  {
    name: 'signal aborted at secureConnect',
    run: t => aborted(t, (socket, abort) => socket.on('secureConnect', abort)),
  },
  { name: 'signal aborted at data', run: t => aborted(t, (socket, abort) => socket.on('data', abort)) },
  {
    name: 'signal aborted after close',
    run: async t => {
      const controller = new AbortController()
      await t.talk(tls.connect(t.options({ signal: controller.signal })))
      controller.abort()
      await sleep(10)
    },
  },
  {
    name: 'destroyed at once',
    run: t => {
      const socket = tls.connect(t.options())
      t.watch(socket).on('error', () => {})
      socket.destroy()
      return closed(socket)
    },
  },
  {
    name: 'destroyed at once with an error',
    run: t => {
      const socket = tls.connect(t.options())
      t.watch(socket).on('error', () => {})
      socket.destroy(new Error('mine'))
      return closed(socket)
    },
  },
  ...['lookup', 'connect', 'secureConnect', 'session', 'data'].map(event => ({
    name: `destroyed at ${event}`,
    run: t => {
      const socket = tls.connect(t.options())
      // On a resumed connection of TLS 1.2 no session comes.
      socket.on(event, () => socket.destroy()).on('data', () => socket.end())
      return t.talk(socket)
    },
  })),
  {
    name: 'destroyed late',
    run: t => {
      const socket = tls.connect(t.options())
      socket.on('data', () => setTimeout(() => socket.destroy(), 20))
      t.watch(socket).on('error', () => {})
      socket.on('secureConnect', () => socket.write('word'))
      return closed(socket)
    },
  },
  {
    name: 'destroySoon()',
    run: t => {
      const socket = tls.connect(t.options())
      socket.on('secureConnect', () => {
        socket.write('word')
        socket.destroySoon()
      })
      t.watch(socket)
      return closed(socket)
    },
  },
  {
    name: 'ended before secure',
    run: t => {
      const socket = tls.connect(t.options())
      t.watch(socket).on('error', () => {})
      socket.resume()
      socket.end()
      return closed(socket)
    },
  },
  {
    name: 'ended with data at once',
    run: async t => {
      const socket = tls.connect(t.options())
      t.watch(socket).on('error', () => {})
      let text = ''
      socket.on('data', data => {
        text += data
      })
      socket.end('all of it', () => t.note('end callback', 'callback'))
      await closed(socket)
      t.note(text, 'text')
    },
  },
  {
    name: 'half-open',
    server: t => t.echo({ allowHalfOpen: true }),
    run: t => {
      const socket = tls.connect(t.options({ allowHalfOpen: true }))
      socket.on('end', () => socket.end())
      t.watch(socket)
      socket.on('secureConnect', () => {
        socket.resume()
        socket.end('word')
      })
      return closed(socket)
    },
  },
  {
    name: 'server ends at once',
    server: async t => {
      await t.listen(tls.createServer(t.serverOptions({}), socket => socket.on('error', () => {}).end('bye')))
    },
    run: t => {
      const socket = tls.connect(t.options())
      socket.resume()
      t.watch(socket)
      return closed(socket)
    },
  },
  {
    name: 'server resets before the handshake',
    server: async t => {
      await t.listen(net.createServer(socket => socket.on('error', () => {}).resetAndDestroy()))
    },
    run: t => t.talk(tls.connect(t.options({ host: '127.0.0.1' }))),
  },
  {
    name: 'server ends in the handshake',
    server: async t => {
      await t.listen(
        net.createServer(socket => socket.on('error', () => {}).once('data', () => socket.end())),
      )
    },
    run: t => t.talk(tls.connect(t.options({ host: '127.0.0.1' }))),
  },
  {
    name: 'server does not speak TLS',
    server: async t => {
      await t.listen(
        net.createServer(socket => socket.on('error', () => {}).end('HTTP/1.1 400 Bad Request\r\n\r\n')),
      )
    },
    run: t => t.talk(tls.connect(t.options({ host: '127.0.0.1' }))),
  },
  {
    name: 'timeout of the options',
    server: async t => {
      await t.listen(net.createServer(socket => socket.on('error', () => {}).resume()))
    },
    run: t => {
      const socket = tls.connect(t.options({ host: '127.0.0.1', timeout: 100 }))
      socket.on('timeout', () => socket.destroy(new Error('timed out')))
      return t.talk(socket)
    },
  },
  {
    name: 'setTimeout() while idle',
    run: t => {
      const socket = tls.connect(t.options())
      t.watch(socket)
      socket.on('secureConnect', () => {
        socket.resume()
        socket.setTimeout(60, () => socket.end())
      })
      return closed(socket)
    },
  },
]

/** Watches a socket that may never get anywhere. */
async function quietly(t, socket) {
  t.watch(socket).on('error', () => {})
  socket.resume()
  await Promise.race([closed(socket), sleep(200)])
  await sleep(20)
}

function aborted(t, arrange) {
  const controller = new AbortController()
  const socket = tls.connect(t.options({ signal: controller.signal }))
  arrange(socket, () => controller.abort())
  socket.on('secureConnect', () => socket.write('word'))
  return quietly(t, socket)
}

/** Reading and writing. */
const streams = [
  {
    name: 'written before connect',
    run: t => {
      const socket = tls.connect(t.options())
      socket.write('early', () => t.note('written', 'callback'))
      t.watch(socket)
      socket.on('data', () => socket.end())
      return closed(socket)
    },
  },
  {
    name: 'written much before connect',
    run: async t => {
      const socket = tls.connect(t.options())
      for (let i = 0; i < 40; i++) socket.write(Buffer.alloc(10_000, i))
      let length = 0
      socket.on('data', data => {
        length += data.length
        if (length === 400_000) socket.end()
      })
      await closed(socket)
      t.note(String(length))
    },
  },
  {
    name: 'corked before connect',
    run: t => {
      const socket = tls.connect(t.options())
      socket.cork()
      socket.write('one')
      socket.write('two')
      process.nextTick(() => socket.uncork())
      t.watch(socket)
      socket.on('data', () => socket.end())
      return closed(socket)
    },
  },
  {
    name: 'paused and resumed',
    run: t => {
      const socket = tls.connect(t.options())
      t.watch(socket)
      socket.pause()
      socket.on('secureConnect', () => {
        socket.write('word')
        setTimeout(() => {
          t.note(`paused: ${socket.isPaused()}`, 'paused')
          socket.on('data', () => socket.end())
          socket.resume()
        }, 30)
      })
      return closed(socket)
    },
  },
  {
    name: 'readable and read()',
    run: t => {
      const socket = tls.connect(t.options())
      t.watch(socket)
      socket.on('secureConnect', () => socket.write('word'))
      socket.on('readable', () => {
        const chunk = socket.read()
        if (chunk) {
          t.note(String(chunk), 'read')
          socket.end()
        }
      })
      return closed(socket)
    },
  },
  {
    name: 'for await',
    run: async t => {
      const socket = tls.connect(t.options())
      socket.write('word')
      for await (const chunk of socket) {
        t.note(String(chunk))
        socket.end()
      }
    },
  },
  {
    name: 'pipeline',
    run: t =>
      new Promise(resolve => {
        const socket = tls.connect(t.options())
        t.watch(socket)
        pipeline(
          async function* () {
            yield 'word'
          },
          socket,
          error => {
            t.note(`pipeline ${error ? describeError(error) : 'done'}`, 'callback')
            resolve()
          },
        )
        socket.resume()
      }),
  },
  {
    name: 'setEncoding and highWaterMark',
    run: t => {
      const socket = tls.connect(t.options({ highWaterMark: 1024 }))
      socket.setEncoding('utf8')
      return t.talk(socket)
    },
  },
  {
    name: 'onread',
    run: t => {
      const socket = tls.connect(
        t.options({
          onread: {
            buffer: Buffer.alloc(64),
            callback(length, buffer) {
              t.note(buffer.toString('utf8', 0, length), 'onread')
              socket.end()
              return true
            },
          },
        }),
      )
      t.watch(socket)
      socket.on('secureConnect', () => socket.write('word'))
      return closed(socket)
    },
  },
  {
    name: 'setMaxSendFragment()',
    run: t => {
      const socket = tls.connect(t.options())
      socket.on('secureConnect', () => {
        for (const size of [512, 100, 20_000]) {
          try {
            t.note(`${size}: ${socket.setMaxSendFragment(size)}`, 'fragment')
          } catch (error) {
            t.note(describeError(error), 'fragment')
          }
        }
      })
      return t.talk(socket, { word: 'x'.repeat(2000) })
    },
  },
  {
    name: 'noDelay, keepAlive, ref and unref',
    run: t => {
      const socket = tls.connect(t.options({ noDelay: true, keepAlive: true, keepAliveInitialDelay: 1000 }))
      for (const method of ['unref', 'ref', 'setNoDelay', 'setKeepAlive']) {
        t.note(`${method} ${socket[method]() === socket}`, 'methods')
      }
      return t.talk(socket)
    },
  },
]

/** Transports that the caller brings. */
const transports = [
  {
    name: 'socket that is connected',
    run: async t => {
      const given = net.connect(t.port)
      await once(given, 'connect')
      await t.talk(tls.connect({ socket: given, ca: t.pki.root, servername: 'localhost' }))
    },
  },
  {
    name: 'socket that is connected, host and port given as well',
    run: async t => {
      const given = net.connect(t.port)
      await once(given, 'connect')
      await t.talk(tls.connect(t.options({ socket: given })))
    },
  },
  {
    name: 'socket that is connecting',
    run: t => t.talk(tls.connect({ socket: net.connect(t.port), ca: t.pki.root, servername: 'localhost' })),
  },
  {
    name: 'socket that is not connected yet',
    run: t => {
      const given = new net.Socket()
      const socket = tls.connect({ socket: given, ca: t.pki.root, servername: 'localhost' })
      setTimeout(() => given.connect(t.port), 10)
      return t.talk(socket)
    },
  },
  {
    name: 'socket that is destroyed',
    run: async t => {
      const given = net.connect(t.port)
      await once(given, 'connect')
      given.destroy()
      try {
        await quietly(t, tls.connect({ socket: given, ca: t.pki.root, servername: 'localhost' }))
      } catch (error) {
        t.note(`throws ${describeError(error)}`)
      }
    },
  },
  {
    name: 'socket that fails to connect',
    run: async t =>
      quietly(t, tls.connect({ socket: net.connect(await closedPort(), '127.0.0.1'), ca: t.pki.root })),
  },
  {
    name: 'socket.connect() on a tls.TLSSocket',
    run: t => {
      const socket = new tls.TLSSocket(undefined, {
        secureContext: tls.createSecureContext({ ca: t.pki.root }),
      })
      socket.connect(t.port)
      socket.once('secure', () => socket.emit('secureConnect'))
      socket.write('early')
      return t.talk(socket)
    },
  },
  {
    name: 'Duplex around a socket',
    run: async t => {
      const inner = net.connect(t.port)
      await once(inner, 'connect')
      await t.talk(tls.connect({ socket: duplexAround(inner), ca: t.pki.root, servername: 'localhost' }))
    },
  },
  {
    name: 'pair of Duplexes',
    run: async t => {
      const [near, far] = duplexPair()
      const server = new tls.TLSSocket(far, { isServer: true, ...t.serverOptions({}) })
      server.on('error', () => {}).pipe(server)
      await t.talk(tls.connect({ socket: near, ca: t.pki.root, servername: 'localhost' }))
    },
  },
  {
    name: 'TLS in TLS',
    server: async t => {
      const inner = await t.echo()
      const outer = tls.createServer(t.serverOptions({}), socket => {
        const onward = net.connect(inner.address().port)
        socket.on('error', () => onward.destroy()).on('close', () => onward.destroy())
        onward.on('error', () => socket.destroy()).on('close', () => socket.destroy())
        socket.pipe(onward).pipe(socket)
      })
      t.kept.outerPort = await t.listen(outer)
    },
    run: async t => {
      const outer = tls.connect(t.options({ port: t.kept.outerPort }))
      t.watch(outer, 'outer').on('error', () => {})
      await once(outer, 'secureConnect')
      await t.talk(tls.connect({ socket: outer, ca: t.pki.root, servername: 'localhost' }), {
        label: 'inner',
      })
      await closed(outer)
    },
  },
  {
    name: 'upgrade after words in clear',
    server: async t => {
      const context = tls.createSecureContext(t.serverOptions({}))
      await t.listen(
        net.createServer(socket => {
          socket.on('error', () => {}).write('220 ready\r\n')
          socket.once('data', () => {
            socket.write('220 go on\r\n')
            const secure = new tls.TLSSocket(socket, { isServer: true, secureContext: context })
            secure.on('error', () => {}).pipe(secure)
          })
        }),
      )
    },
    run: async t => {
      const plain = net.connect(t.port)
      await once(plain, 'data')
      plain.write('STARTTLS\r\n')
      await once(plain, 'data')
      plain.removeAllListeners('data')
      await t.talk(tls.connect({ socket: plain, ca: t.pki.root, servername: 'localhost' }))
      t.note(`below: destroyed ${plain.destroyed}`, 'below')
    },
  },
]

function duplexAround(inner) {
  const outer = new Duplex({
    read() {
      inner.resume()
    },
    write(chunk, encoding, callback) {
      inner.write(chunk, encoding, callback)
    },
    final(callback) {
      inner.end(callback)
    },
    destroy(error, callback) {
      inner.destroy()
      callback(error)
    },
  })
  inner
    .on('data', chunk => outer.push(chunk))
    .on('end', () => outer.push(null))
    .on('error', error => outer.destroy(error))
  inner.on('close', () => outer.destroy())
  return outer
}

function duplexPair() {
  const ends = [0, 1].map(
    index =>
      new Duplex({
        read() {},
        write(chunk, _encoding, callback) {
          setImmediate(() => {
            ends[1 - index].push(chunk)
            callback()
          })
        },
        final(callback) {
          ends[1 - index].push(null)
          callback()
        },
      }),
  )
  return ends
}

/** Listeners and the like. */
const listeners = [
  {
    name: 'keylog',
    run: t => {
      const socket = tls.connect(t.options())
      socket.on('keylog', () => {})
      return t.talk(socket)
    },
  },
  { name: 'enableTrace false', run: t => t.talk(tls.connect(t.options({ enableTrace: false }))) },
  {
    name: 'listeners and their order',
    run: t => {
      const socket = tls.connect(t.options(), () => t.note('callback', 'order'))
      for (const event of ['connect', 'ready', 'secure', 'secureConnect', 'close']) {
        socket.on(event, () => t.note(event, 'order'))
        socket.prependListener(event, () => t.note(`${event} prepended`, 'order'))
      }
      return t.talk(socket)
    },
  },
  {
    name: 'listener counts through the life of a socket',
    run: t => {
      const count = () =>
        [
          'connect',
          'secure',
          'secureConnect',
          'session',
          'close',
          'end',
          'error',
          'lookup',
          'keylog',
          'timeout',
        ]
          .map(event => `${event} ${socket.listenerCount(event)}`)
          .join()
      const socket = tls.connect(t.options())
      t.note(count(), 'counts')
      for (const event of ['connect', 'secureConnect', 'data', 'end', 'close']) {
        socket.on(event, () => t.note(`${event}: ${count()}`, 'counts'))
      }
      return t.talk(socket)
    },
  },
  {
    name: 'rawListeners and their names',
    run: async t => {
      const socket = tls.connect(t.options())
      for (const event of socket.eventNames()) {
        t.note(
          `${String(event)}: ${socket.rawListeners(event).map(listener => (listener.listener ?? listener).name)}`,
        )
      }
      await quietly(
        t,
        socket.on('secureConnect', () => socket.end()),
      )
    },
  },
  {
    name: 'removeAllListeners() right after connect',
    run: t => {
      const socket = tls.connect(t.options())
      // Node's own listeners of 'end' and 'connect' go as well; what happens then has to be the same.
      for (const event of ['secureConnect', 'session', 'close', 'error']) socket.removeAllListeners(event)
      return t.talk(socket)
    },
  },
  {
    name: 'newListener',
    run: async t => {
      const socket = tls.connect(t.options())
      socket.on('newListener', event => t.note(String(event), 'newListener'))
      await t.talk(socket)
    },
  },
  {
    name: 'events.once()',
    run: async t => {
      const socket = tls.connect(t.options())
      await once(socket, 'secureConnect')
      await t.talk(socket.end())
    },
  },
  {
    name: 'AsyncLocalStorage in listeners',
    run: async t => {
      const storage = new AsyncLocalStorage()
      await storage.run('mine', async () => {
        const socket = tls.connect(t.options(), () => t.note(`callback ${storage.getStore()}`, 'store'))
        for (const event of ['connect', 'secureConnect', 'data', 'close']) {
          socket.on(event, () => t.note(`${event} ${storage.getStore()}`, 'store'))
        }
        await t.talk(socket)
      })
    },
  },
  {
    name: 'listener that throws at secureConnect',
    run: async t => {
      const socket = tls.connect(t.options())
      socket.on('secureConnect', () => {
        setImmediate(() => socket.end())
        throw new Error('from the listener')
      })
      await quietly(t, socket)
    },
  },
  {
    name: 'error without a listener',
    run: async t => {
      const socket = tls.connect(t.options({ ca: t.pki.unknownRoot }))
      await Promise.race([closed(socket), sleep(300)])
    },
  },
  {
    name: 'renegotiation',
    versions: ONLY_1_2,
    run: t => {
      const socket = tls.connect(t.options())
      socket.on('secureConnect', () => {
        const isStarted = socket.renegotiate({}, error =>
          t.note(error ? describeError(error) : 'renegotiated', 'callback'),
        )
        t.note(`started: ${isStarted}`, 'callback')
      })
      return t.talk(socket)
    },
  },
  {
    name: 'renegotiation disabled',
    versions: ONLY_1_2,
    run: t => {
      const socket = tls.connect(t.options())
      socket.on('secureConnect', () => {
        socket.disableRenegotiation()
        t.note(String(socket.renegotiate({}, error => t.note(describe(error), 'callback'))), 'callback')
      })
      return t.talk(socket)
    },
  },
  {
    name: 'subclass by Object.setPrototypeOf',
    run: t => {
      class Mine extends tls.TLSSocket {
        get mine() {
          return true
        }
      }
      const socket = tls.connect(t.options())
      Object.setPrototypeOf(socket, Mine.prototype)
      return t.talk(socket)
    },
  },
]

/** Clients of Node.js over TLS. */
const clients = [
  {
    name: 'https.get()',
    server: t => t.web(),
    run: t => t.outcome(t.body(https.get(t.options({ path: '/a', agent: false })))),
  },
  {
    name: 'https.get() through the global agent',
    server: t => t.web(),
    run: async t => {
      const request = https.get(t.options({ path: '/a', headers: { connection: 'close' } }))
      request.on('socket', socket => t.watch(socket))
      await t.outcome(t.body(request), 'body')
    },
  },
  {
    name: 'https.Agent with keepAlive',
    server: t => t.web(),
    run: async t => {
      const agent = new https.Agent({ keepAlive: true, ca: t.pki.root })
      for (const path of ['/a', '/b']) {
        const request = https.get({ host: 'localhost', port: t.port, path, agent })
        request.on('socket', () => t.note(`${path} reusedSocket ${request.reusedSocket}`, 'agent'))
        await t.outcome(t.body(request), 'body')
      }
      agent.destroy()
    },
  },
  {
    name: 'https.Agent without its cache',
    server: t => t.web(),
    run: async t => {
      const agent = new https.Agent({ maxCachedSessions: 0, ca: t.pki.root })
      await t.outcome(t.body(https.get({ host: 'localhost', port: t.port, path: '/a', agent })), 'body')
      t.note(`${agent.totalSocketCount} ${Object.keys(agent.sockets)}`.replace(/\d{4,5}/, ''))
      agent.destroy()
    },
  },
  {
    name: 'https.Agent that overrides createConnection',
    server: t => t.web(),
    run: async t => {
      class Mine extends https.Agent {
        createConnection(options, callback) {
          t.note(`createConnection ${typeof callback} ${options.servername}`, 'agent')
          return super.createConnection(options, callback)
        }
      }
      const agent = new Mine({ ca: t.pki.root })
      await t.outcome(t.body(https.get({ host: 'localhost', port: t.port, path: '/a', agent })), 'body')
      agent.destroy()
    },
  },
  {
    name: 'https.request({ session })',
    server: t => t.web(),
    run: async t => {
      const agent = new https.Agent({ ca: t.pki.root, maxCachedSessions: 0 })
      const request = https.get({
        host: 'localhost',
        port: t.port,
        path: '/a',
        agent,
        session: t.kept.session,
      })
      request.on('socket', socket => {
        t.watch(socket).on('session', session => {
          t.kept.session = session
        })
      })
      await t.outcome(t.body(request), 'body')
      agent.destroy()
      await sleep(10)
    },
  },
  {
    name: 'https.request() with a wrong name',
    server: t => t.web(t.pki.otherName),
    run: t => t.outcome(t.body(https.get(t.options({ path: '/', agent: false })))),
  },
  {
    name: 'https.request() that is destroyed',
    server: t => t.web(),
    run: async t => {
      const request = https.get(t.options({ path: '/', agent: false }))
      request.on('socket', () => request.destroy())
      await t.outcome(t.body(request))
    },
  },
  {
    name: 'https.request() with an aborted signal',
    server: t => t.web(),
    run: t =>
      t.outcome(t.body(https.get(t.options({ path: '/', agent: false, signal: AbortSignal.abort() })))),
  },
  {
    name: 'https.request() with a timeout',
    server: async t => {
      await t.listen(net.createServer(socket => socket.on('error', () => {}).resume()))
    },
    run: t => {
      const request = https.get(t.options({ path: '/', agent: false, timeout: 80 }))
      request.on('timeout', () => request.destroy(new Error('timed out')))
      return t.outcome(t.body(request))
    },
  },
  {
    name: 'http2.connect()',
    server: t => t.web2(),
    run: t => overHttp2(t, http2.connect(`https://localhost:${t.port}`, { ca: t.pki.root })),
  },
  {
    name: 'http2.connect() with createConnection',
    server: t => t.web2(),
    run: t =>
      overHttp2(
        t,
        http2.connect(`https://localhost:${t.port}`, {
          createConnection: () => tls.connect(t.options({ ALPNProtocols: ['h2'] })),
        }),
      ),
  },
  {
    name: 'http2.connect() to an address',
    server: t => t.web2(),
    run: t => overHttp2(t, http2.connect(`https://127.0.0.1:${t.port}`, { ca: t.pki.root })),
  },
  {
    name: 'http2.connect() with an aborted signal',
    server: t => t.web2(),
    run: async t => {
      const session = http2.connect(`https://localhost:${t.port}`, {
        ca: t.pki.root,
        signal: AbortSignal.abort(),
      })
      session.on('error', error => t.note(describeError(error)))
      await Promise.race([once(session, 'close'), sleep(200)])
      await sleep(20)
    },
  },
  {
    name: 'http2.connect() that is destroyed at once',
    server: t => t.web2(),
    run: async t => {
      const session = http2.connect(`https://localhost:${t.port}`, { ca: t.pki.root })
      session.on('error', error => t.note(describeError(error)))
      session.destroy()
      await Promise.race([once(session, 'close'), sleep(200)])
    },
  },
  {
    name: 'http2.connect() to a server without h2',
    server: t => t.web(),
    run: async t => {
      const session = http2.connect(`https://localhost:${t.port}`, { ca: t.pki.root })
      session.on('error', error => t.note(describeError(error)))
      await Promise.race([new Promise(resolve => session.on('close', resolve)), sleep(300)])
    },
  },
  {
    name: 'fetch()',
    server: t => t.web(),
    run: t =>
      t.outcome(
        fetch(`https://localhost:${t.port}/a`, { headers: { connection: 'close' } }).then(response =>
          response.text(),
        ),
      ),
  },
  {
    name: 'fetch() with an aborted signal',
    server: t => t.web(),
    run: t => t.outcome(fetch(`https://localhost:${t.port}/a`, { signal: AbortSignal.abort() })),
  },
  {
    name: 'fetch() with a signal that is aborted soon',
    server: t => t.web(),
    run: t => {
      t.ignoreClients()
      const controller = new AbortController()
      setImmediate(() => controller.abort())
      return t.outcome(fetch(`https://localhost:${t.port}/a`, { signal: controller.signal }))
    },
  },
  {
    name: 'fetch() of a wrong name',
    server: t => t.web(t.pki.otherName),
    run: t => t.outcome(fetch(`https://localhost:${t.port}/a`)),
  },
]

async function overHttp2(t, session) {
  t.watch(session.socket?.listenerCount ? session.socket : session, 'session socket')
  session.on('error', error => t.note(`session ${describeError(error)}`, 'session'))
  session.on('connect', (_session, socket) =>
    t.note(`connect ${socket.alpnProtocol} ${socket.servername}`, 'session'),
  )
  const stream = session.request({ ':path': '/a' })
  stream.setEncoding('utf8')
  let text = ''
  stream.on('data', chunk => {
    text += chunk
  })
  await Promise.race([once(stream, 'end'), once(session, 'close')]).catch(error =>
    t.note(describeError(error), 'session'),
  )
  t.note(
    `${text} ${session.alpnProtocol} ${session.encrypted} ${session.originSet}`.replace(/\d{4,5}/, '<port>'),
    'session',
  )
  session.close()
  await Promise.race([new Promise(resolve => session.on('close', resolve)), sleep(500)])
}

/** Many at once, and other threads. */
const crowds = [
  {
    name: 'eight at once',
    run: async t => {
      const sockets = Array.from({ length: 8 }, () => tls.connect(t.options()))
      await Promise.all(sockets.map((socket, index) => t.talk(socket, { label: `client ${index}` })))
    },
  },
  {
    name: 'eight at once, aborted while they wait',
    run: async t => {
      t.ignoreClients()
      const controllers = Array.from({ length: 8 }, () => new AbortController())
      const ends = controllers.map(({ signal }) => {
        const socket = tls.connect(t.options({ signal }))
        socket.on('error', error => t.note(describeError(error), 'errors'))
        return closed(socket)
      })
      setTimeout(() => {
        for (const controller of controllers) controller.abort()
      }, 1)
      await Promise.race([Promise.all(ends), sleep(500)])
    },
  },
  {
    name: 'eight at once to a server that refuses the client',
    server: t => t.echo({ requestCert: true, ca: t.pki.root }),
    run: async t => {
      const sockets = Array.from({ length: 8 }, () => tls.connect(t.options()))
      await Promise.all(
        sockets.map(async socket => {
          socket.on('error', error => t.note(`${error.code}`, 'errors')).resume()
          await closed(socket)
        }),
      )
    },
  },
  {
    name: 'in a worker thread',
    run: async t => {
      const worker = new Worker(
        `const tls = require('node:tls'), { workerData, parentPort } = require('node:worker_threads')
         const socket = tls.connect(workerData, () => socket.write('word'))
         const said = []
         for (const event of ['connect', 'secureConnect', 'data', 'end', 'close', 'error']) socket.on(event, () => said.push(event))
         socket.on('data', () => socket.end()).on('close', () => parentPort.postMessage(said.join()))`,
        { eval: true, workerData: t.options() },
      )
      worker.on('error', error => t.note(describeError(error), 'worker'))
      worker.on('message', text => t.note(text, 'worker'))
      await once(worker, 'exit')
    },
  },
]

export const ways = [
  ...forms,
  ...endpoints,
  ...trust,
  ...negotiation,
  ...sessions,
  ...endings,
  ...streams,
  ...transports,
  ...listeners,
  ...clients,
  ...crowds,
]
