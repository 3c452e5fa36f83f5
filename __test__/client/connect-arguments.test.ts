/** `connect` accepts and rejects the same arguments as `tls.connect`. */
import { once } from 'node:events'
import tls from 'node:tls'
import test from 'ava'
import { connect, install, SessionCache } from 'tls-resumption'
import { startServer } from '../support/server.ts'

type Connect = (...args: unknown[]) => tls.TLSSocket

const plain = tls.connect as Connect
install()
const installed = tls.connect as Connect

/** The outcome of a call: the error that it threw or emitted, or that the peer was authorized. */
async function ending(call: Connect, args: unknown[]): Promise<string> {
  let socket: tls.TLSSocket
  try {
    socket = call(...args)
  } catch (error) {
    const { name, code, message } = error as NodeJS.ErrnoException
    return `threw ${name} ${code}: ${message}`
  }
  socket.on('error', () => {}) // `once` handles only the first
  try {
    await once(socket, 'secureConnect')
    return `authorized: ${socket.authorized}`
  } catch (error) {
    const { name, code, message } = error as NodeJS.ErrnoException
    return `emitted ${name} ${code}: ${message}`
  } finally {
    socket.destroy()
  }
}

interface Peer {
  port: number
  ca: string
}

const refuse = () => new Error('not the pinned certificate')
const over = ({ ca }: Peer) => ({ ca, servername: 'localhost' })
const FORMS: Record<string, (peer: Peer) => unknown[]> = {
  '()': () => [],
  '(undefined)': () => [undefined],
  '(null)': () => [null],
  "('')": () => [''],
  '(false)': () => [false],
  '(NaN)': () => [Number.NaN],
  '(a bigint)': ({ port }) => [BigInt(port)],
  '(a symbol)': () => [Symbol('port')],
  '([a port])': ({ port }) => [[port]],
  "('a path that leads nowhere')": () => ['/nowhere/at/all'],
  '(port, options)': peer => [peer.port, over(peer)],
  '(port as text, options)': peer => [`${peer.port}`, over(peer)],
  '(port, host, options)': peer => [peer.port, '127.0.0.1', over(peer)],
  '(port, null, options)': peer => [peer.port, null, over(peer)],
  '(port, undefined, options)': peer => [peer.port, undefined, over(peer)],
  '(port, null, options that pin)': peer => [peer.port, null, { ...over(peer), checkServerIdentity: refuse }],
  '(port, host, options, listener, more)': peer => [peer.port, '127.0.0.1', over(peer), () => {}, 1],
  '(port, options, options that pin)': peer => [peer.port, over(peer), { checkServerIdentity: refuse }],
  '(options)': peer => [{ ...over(peer), port: peer.port }],
  '(options, options)': peer => [{ port: peer.port }, over(peer)],
  '(options, options that pin)': peer => [
    { ...over(peer), port: peer.port },
    { checkServerIdentity: refuse },
  ],
  '(options, options with another port)': peer => [{ ...over(peer), port: 1 }, { port: peer.port }],
  '(options, undefined, options that pin)': peer => [
    { ...over(peer), port: peer.port },
    undefined,
    { checkServerIdentity: refuse },
  ],
  '(options, null)': peer => [{ ...over(peer), port: peer.port }, null],
  '(path, options with a port)': peer => ['/nowhere/at/all', { ...over(peer), port: peer.port }],
  '({ host: a symbol })': peer => [{ ...over(peer), port: peer.port, host: Symbol('host') }],
  '({ host: a number })': peer => [{ ...over(peer), port: peer.port, host: 5 }],
  '({ port: a symbol })': peer => [{ ...over(peer), port: Symbol('port') }],
  '({ path: a number })': peer => [{ ...over(peer), path: 5 }],
  '({ path: null })': peer => [{ ...over(peer), port: peer.port, path: null }],
  '({ servername: an address })': peer => [{ ...over(peer), port: peer.port, servername: '127.0.0.1' }],
  '({ host: a symbol } without a name)': ({ ca, port }) => [{ ca, port, host: Symbol('host') }],
  '({ path: no text at all })': peer => [{ ...over(peer), path: Object.create(null) }],
  '({ minDHSize: a text })': peer => [{ ...over(peer), port: peer.port, minDHSize: 'x' }],
  '({ checkServerIdentity: a number })': peer => [{ ...over(peer), port: peer.port, checkServerIdentity: 1 }],
  '({ checkServerIdentity: undefined })': peer => [
    { ...over(peer), port: peer.port, checkServerIdentity: undefined },
  ],
  '({ secureContext: a number })': peer => [{ ...over(peer), port: peer.port, secureContext: 1 }],
  '({ secureContext: nothing but an object })': peer => [
    { ...over(peer), port: peer.port, secureContext: {} },
  ],
  '({ socket: a text })': peer => [{ ...over(peer), socket: 'x' }],
  '({ ciphers: undefined })': peer => [{ ...over(peer), port: peer.port, ciphers: undefined }],
  '({ ciphers: a symbol })': peer => [{ ...over(peer), port: peer.port, ciphers: Symbol('x') }],
  '({ cert: no PEM })': peer => [{ ...over(peer), port: peer.port, cert: 'x' }],
  '({ rejectUnauthorized: undefined })': peer => [
    { ...over(peer), ca: undefined, port: peer.port, rejectUnauthorized: undefined },
  ],
}

for (const [form, argumentsFor] of Object.entries(FORMS)) {
  test(`arguments: connect behaves as tls.connect${form}`, async t => {
    const peer = await startServer(t)
    const nodes = await ending(plain, argumentsFor(peer))
    for (const ours of [connect as Connect, installed]) {
      t.is(await ending(ours, argumentsFor(peer)), nodes)
      // The second connection can resume.
      t.is(await ending(ours, argumentsFor(peer)), nodes)
    }
  })
}

test('arguments: of two option objects the later one decides about the cache', async t => {
  const { port, ca } = await startServer(t)
  const [unused, used] = [new SessionCache(), new SessionCache()]
  const socket = (connect as Connect)(
    { port, ca, servername: 'localhost', sessionCache: unused },
    { sessionCache: used },
  )
  socket.resume()
  await once(socket, 'close')
  t.is(unused.size, 0)
  t.true(used.size > 0)
})

test('arguments: neither of two option objects is changed', async t => {
  const { port, ca } = await startServer(t)
  const first = Object.freeze({ port })
  const second = Object.freeze({ ca, servername: 'localhost', sessionCache: null })
  t.is(await ending(connect as Connect, [first, second]), 'authorized: true')
})
