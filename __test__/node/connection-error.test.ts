import { once } from 'node:events'
import net, { type AddressInfo } from 'node:net'
import tls from 'node:tls'
import test, { type ExecutionContext } from 'ava'
import { isHandshakeAlert, isTransportError } from '../../dist/node/connection-error.js'
import { startServer } from '../support/server.ts'

type Answer = (socket: net.Socket) => void

/** Returns the error of a client whose hello is answered like this. */
async function errorOf(t: ExecutionContext, answer: Answer, options: tls.ConnectionOptions = {}) {
  const server = net.createServer(socket => {
    socket.on('error', () => {}).once('data', () => answer(socket))
  })
  t.teardown(() => server.close())
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const { port } = server.address() as AddressInfo
  const [error] = await once(tls.connect({ port, host: '127.0.0.1', ...options }), 'error')
  return error
}

const ALERT_HANDSHAKE_FAILURE = Buffer.of(21, 3, 3, 0, 2, 2, 40)

const kind = (error: unknown) => ({ alert: isHandshakeAlert(error), transport: isTransportError(error) })

test('connection error: a fatal alert of the peer is an alert', async t => {
  const error = await errorOf(t, socket => socket.end(ALERT_HANDSHAKE_FAILURE))
  t.deepEqual(kind(error), { alert: true, transport: false })
})

test('connection error: an answer that is no TLS is an alert', async t => {
  const error = await errorOf(t, socket => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n'))
  t.deepEqual(kind(error), { alert: true, transport: false })
})

test('connection error: a reset and an early end are errors of the transport', async t => {
  for (const answer of [
    (socket: net.Socket) => socket.resetAndDestroy(),
    (socket: net.Socket) => socket.end(),
  ]) {
    t.deepEqual(kind(await errorOf(t, answer)), { alert: false, transport: true })
  }
})

test('connection error: a port without a server is an error of the transport', async t => {
  const { server, port } = await startServer(t)
  server.close()
  await once(server, 'close')
  const [error] = await once(tls.connect({ port, host: '127.0.0.1' }), 'error')
  t.deepEqual(kind(error), { alert: false, transport: true })
})

test('connection error: a certificate that is refused is neither', async t => {
  const { port } = await startServer(t)
  const [error] = await once(tls.connect({ port, host: '127.0.0.1', servername: 'localhost' }), 'error')
  t.deepEqual(kind(error), { alert: false, transport: false })
})

test('connection error: an abort and an error of the application are neither', async t => {
  const controller = new AbortController()
  const aborted = await errorOf(t, () => controller.abort(), { signal: controller.signal } as never)
  t.is(aborted.name, 'AbortError')
  for (const error of [aborted, new Error('of the application'), 'a text', 5, null, undefined, {}]) {
    t.deepEqual(kind(error), { alert: false, transport: false })
  }
})
