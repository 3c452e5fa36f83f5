import net, { type AddressInfo } from 'node:net'
import tls from 'node:tls'
import test, { type ExecutionContext } from 'ava'
import { connect, SessionCache, warm } from 'tls-resumption'
import { finish, startServer } from '../../support/server.ts'

for (const maxVersion of ['TLSv1.2', 'TLSv1.3'] as const) {
  test(`warm: ${maxVersion} the first connection of the program resumes`, async t => {
    const { port, ca, handshakes } = await startServer(t, { maxVersion })
    const options = { host: 'localhost', port, ca }
    const sessionCache = new SessionCache()
    t.deepEqual(await warm([options], { sessionCache }), [{ peer: options, stored: true, reason: 'stored' }])
    t.deepEqual(await finish(connect({ ...options, sessionCache })), { resumed: true, authorized: true })
    t.deepEqual(handshakes, { full: 1, resumed: 1 })
  })

  test(`warm: ${maxVersion} a peer that has a session gets no connection`, async t => {
    const { port, ca, handshakes } = await startServer(t, { maxVersion })
    const options = { host: 'localhost', port, ca }
    const sessionCache = new SessionCache()
    await warm([options], { sessionCache })
    const [again] = await warm([options], { sessionCache })
    t.is(again?.reason, 'present')
    t.deepEqual(handshakes, { full: 1, resumed: 0 })
  })

  test(`warm: ${maxVersion} a peer that is not authorized leaves no session`, async t => {
    const { port } = await startServer(t, { maxVersion })
    const options = { host: 'localhost', port }
    const sessionCache = new SessionCache()
    const [result] = await warm([options], { sessionCache })
    t.is(result?.reason, await errorCode(options), 'as plain Node says')
    t.false(result?.stored)
    t.is(sessionCache.size, 0)
  })
}

/** Returns the code with which plain Node fails. */
function errorCode(options: tls.ConnectionOptions): Promise<string | undefined> {
  return new Promise(resolve => {
    tls.connect(options).on('error', (error: NodeJS.ErrnoException) => resolve(error.code))
  })
}

test('warm: results are in the order of the peers, and no peer makes it reject', async t => {
  const { port, ca } = await startServer(t, {})
  const silent = await listen(t, () => {})
  const closing = await listen(t, socket => socket.destroy())
  const sessionCache = new SessionCache()
  const peers = [
    `localhost:${silent}`,
    { host: 'localhost', port, ca },
    `127.0.0.1:${closing}`,
    { host: 'localhost', port, ca, requestOCSP: true },
    { host: 'localhost', port, ca, minVersion: 'no version' as 'TLSv1.2' },
  ]
  const results = await warm(peers, { sessionCache, timeout: 3000, concurrency: 2 })
  t.deepEqual(
    results.map(({ peer }) => peer),
    peers,
  )
  t.deepEqual(
    results.map(({ reason }) => reason),
    ['timeout', 'stored', 'ECONNRESET', 'uncacheable', 'ERR_TLS_INVALID_PROTOCOL_VERSION'],
  )
  t.deepEqual(
    results.map(({ stored }) => stored),
    [false, true, false, false, false],
  )
})

async function listen(t: ExecutionContext, onConnection: (socket: net.Socket) => void): Promise<number> {
  const sockets = new Set<net.Socket>()
  const server = net.createServer(socket => {
    sockets.add(socket.on('error', () => {}))
    onConnection(socket)
  })
  t.teardown(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  return (server.address() as AddressInfo).port
}

test('warm: no more connections are open at once than permitted', async t => {
  let open = 0
  let most = 0
  const port = await listen(t, socket => {
    most = Math.max(most, ++open)
    socket.on('close', () => open--)
    setTimeout(() => socket.destroy(), 20)
  })
  const peers = Array.from({ length: 20 }, (_, index) => ({
    host: '127.0.0.1',
    port,
    cachePartition: `${index}`,
  }))
  await warm(peers, { concurrency: 3, sessionCache: new SessionCache() })
  t.is(most, 3)
})

test('warm: a session serves only connections with the same options', async t => {
  const { port, ca } = await startServer(t, {})
  const sessionCache = new SessionCache()
  const options = { host: 'localhost', port, ca }
  await warm([options], { sessionCache })
  const other = { ...options, ciphers: 'ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES128-GCM-SHA256' }
  t.false((await finish(connect({ ...other, sessionCache }))).resumed)
})

for (const [what, call, expected] of [
  ['peers that are no array', () => warm('localhost:1' as never), /"peers" argument must be an array/],
  ['a peer without a port', () => warm(['localhost']), /"peers\[0\]" argument.*'localhost'/],
  [
    'a port that is too large',
    () => warm(['localhost:1', 'localhost:65536']),
    /"peers\[1\]" argument.*65536/,
  ],
  ['a peer that is a number', () => warm([5 as never]), /"peers\[0\]" argument/],
  [
    'no concurrency',
    () => warm([], { concurrency: 0 }),
    /"concurrency" option must be an integer from 1 to 1000/,
  ],
  [
    'an unknown option',
    () => warm([], { timeOut: 5 } as never),
    /Unknown option 'timeOut': did you mean 'timeout'/,
  ],
  ['no cache', () => warm([], { sessionCache: null as never }), /"sessionCache" option/],
] as const) {
  test(`warm: ${what}: the error names it`, t => {
    const error = t.throws(call as () => void)
    t.regex(error?.message ?? '', expected)
    t.regex((error as NodeJS.ErrnoException).code ?? '', /^ERR_/)
  })
}
