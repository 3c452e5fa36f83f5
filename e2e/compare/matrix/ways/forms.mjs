import { createRequire } from 'node:module'
import net from 'node:net'
import tls, { connect as namedConnect } from 'node:tls'
import { describeError } from '../recorder.mjs'
import { closed } from '../world.mjs'

const required = createRequire(import.meta.url)('node:tls')

export const forms = [
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
