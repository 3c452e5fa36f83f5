import { once } from 'node:events'
import http2 from 'node:http2'
import type { AddressInfo } from 'node:net'
import tls, { type TLSSocket } from 'node:tls'
import test, { type ExecutionContext } from 'ava'
import { http2CreateConnection, SessionCache } from 'tls-resumption'
import { testAuthority } from '../../support/server.ts'

async function startHttp2(t: ExecutionContext) {
  const { cert: ca, issue } = await testAuthority()
  const identity = await issue({ commonName: 'localhost', usage: 'server' })
  const server = http2.createSecureServer(identity)
  server.on('stream', (stream: http2.ServerHttp2Stream) => {
    stream.respond({ ':status': 200 })
    stream.end('hello')
  })
  server.listen(0)
  await once(server, 'listening')
  t.teardown(() => server.close())
  const { port } = server.address() as AddressInfo
  const get = async (options: http2.SecureClientSessionOptions, host = 'localhost') => {
    const session = http2.connect(`https://${host}:${port}`, { ca, ...options })
    const request = session.request({ ':path': '/' })
    const [[headers]] = await Promise.all([once(request, 'response'), once(session, 'connect')])
    const { alpnProtocol, authorized } = session.socket as TLSSocket
    const resumed = (session.socket as TLSSocket).isSessionReused()
    request.resume()
    await once(request, 'end')
    session.close()
    await once(session, 'close')
    return { status: headers[':status'], alpnProtocol, authorized, resumed }
  }
  return { ca, get }
}

/** Node 22.23 rejects every certificate for an IPv6 address, resumed or not. */
const takesIpv6 = !tls.checkServerIdentity('::1', {
  subject: { CN: 'localhost' },
  subjectaltname: 'IP Address:0:0:0:0:0:0:0:1',
} as tls.PeerCertificate)

for (const host of ['localhost', '127.0.0.1', ...(takesIpv6 ? ['[::1]'] : [])]) {
  test(`http2: connections to ${host} resume`, async t => {
    const { get } = await startHttp2(t)
    const createConnection = http2CreateConnection({ sessionCache: new SessionCache() })
    const result = { status: 200, alpnProtocol: 'h2', authorized: true }
    t.deepEqual(await get({ createConnection }, host), { ...result, resumed: false })
    t.deepEqual(await get({ createConnection }, host), { ...result, resumed: true })
    t.deepEqual(await get({ createConnection }, host), { ...result, resumed: true })
  })
}

for (const [what, more] of [
  ['no servername', {}],
  ['an undefined servername', { servername: undefined }],
  ['an empty servername', { servername: '' }],
  ['a servername', { servername: 'other.example' }],
] as const) {
  for (const host of ['localhost', '127.0.0.1']) {
    test(`http2: to ${host} with ${what} the server gets the name that plain Node sends`, async t => {
      const { issue } = await testAuthority()
      const server = http2.createSecureServer(await issue({ commonName: 'localhost', usage: 'server' }))
      server.listen(0, '127.0.0.1')
      await once(server, 'listening')
      t.teardown(() => server.close())
      const { port } = server.address() as AddressInfo
      const nameSeen = async (by: http2.SecureClientSessionOptions) => {
        const session = http2.connect(`https://${host}:${port}`, {
          rejectUnauthorized: false,
          lookup: (_host: string, _options: object, done: (...args: unknown[]) => void) =>
            done(null, [{ address: '127.0.0.1', family: 4 }]),
          ...more,
          ...by,
        } as http2.SecureClientSessionOptions)
        session.on('error', () => {})
        const [socket] = await once(server, 'secureConnection')
        session.destroy()
        return socket.servername
      }
      t.is(await nameSeen({ createConnection: http2CreateConnection() }), await nameSeen({}))
    })
  }
}

test('http2: plain http2.connect never resumes', async t => {
  const { get } = await startHttp2(t)
  await get({})
  t.false((await get({})).resumed)
})

test('http2: sessionCache null disables resumption', async t => {
  const { get } = await startHttp2(t)
  const createConnection = http2CreateConnection({ sessionCache: null })
  await get({ createConnection })
  t.false((await get({ createConnection })).resumed)
})

test('http2: connections with other CAs do not share sessions', async t => {
  const { get } = await startHttp2(t)
  const createConnection = http2CreateConnection({ sessionCache: new SessionCache() })
  await get({ createConnection })
  await t.throwsAsync(get({ createConnection, ca: [] }))
})

test('http2: an http: authority is connected without TLS', async t => {
  const server = http2.createServer((_, response) => response.end('plain'))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const session = http2.connect(`http://127.0.0.1:${port}`, { createConnection: http2CreateConnection() })
  const [headers] = await once(session.request({ ':path': '/' }).resume(), 'response')
  t.is(headers[':status'], 200)
  session.destroy()
  server.close()
})

test('http2: invalid options are rejected', t => {
  t.throws(() => http2CreateConnection({ sessionCache: {} as never }), { code: 'ERR_INVALID_ARG_TYPE' })
  t.throws(() => http2CreateConnection({ cache: null } as never), {
    code: 'ERR_TLS_RESUMPTION_UNKNOWN_OPTION',
  })
})
