/** Connections with equal options share one SecureContext, and no others do. */
import tls from 'node:tls'
import test from 'ava'
import { connect, SessionCache, sessionKey } from 'tls-resumption'
import { secureContextFor } from '../../dist/client/shared-contexts.js'
import { treatAs } from '../../dist/key/function-identity.js'
import { finish, startServer, testAuthority } from '../support/server.ts'

// Serial: each counts the contexts made by all of the process.
const original = tls.createSecureContext
let made: tls.SecureContextOptions[] = []
test.before(() => {
  tls.createSecureContext = options => {
    made.push(options ?? {})
    return original(options)
  }
  treatAs(tls.createSecureContext, original)
})
test.after.always(() => {
  tls.createSecureContext = original
})

/** Returns how many contexts are made while `act` runs. */
async function madeBy(act: () => unknown): Promise<number> {
  made = []
  await act()
  return made.length
}

test.serial('connections with equal options make one context', async t => {
  const { port, ca } = await startServer(t)
  const connectWith = (options: tls.ConnectionOptions) => () =>
    finish(connect({ port, ca, servername: 'localhost', sessionCache: new SessionCache(), ...options }))
  t.is(await madeBy(connectWith({})), 1)
  t.is(await madeBy(connectWith({})), 0)
  t.is(await madeBy(connectWith({ host: '127.0.0.1', ALPNProtocols: ['h2'] })), 0)
  t.is(await madeBy(connectWith({ minVersion: 'TLSv1.3' })), 1)
  t.is(await madeBy(connectWith({ ca: [ca] })), 1)
  t.is(await madeBy(connectWith({})), 0)
})

test.serial("shared contexts: the caller's own context is used", async t => {
  const { issue, cert } = await testAuthority()
  const { server, port, ca } = await startServer(t, { requestCert: true, ca: cert })
  const names: unknown[] = []
  server.on('secureConnection', socket => names.push(socket.getPeerCertificate().subject.CN))
  const client = await issue({ commonName: 'client of the context', usage: 'client' })
  const secureContext = original({ ca, ...client })
  const sessionCache = new SessionCache()
  const options = { port, secureContext, servername: 'localhost', sessionCache }
  const count = await madeBy(async () => {
    t.deepEqual(await finish(connect(options)), { resumed: false, authorized: true })
    t.deepEqual(await finish(connect(options)), { resumed: true, authorized: true })
  })
  t.is(count, 0)
  t.deepEqual(names, ['client of the context', 'client of the context'])
})

test.serial('shared contexts: beyond a hundred the least recently used one is evicted', async t => {
  const make = (digest: string) => madeBy(() => secureContextFor({}, digest))
  for (let i = 0; i < 100; i++) t.is(await make(`set ${i}`), 1)
  t.is(await make('set 0'), 0)
  t.is(await make('one more'), 1)
  t.is(await make('set 0'), 0, 'used since')
  for (let i = 2; i < 100; i++) t.is(await make(`set ${i}`), 0)
  t.is(await make('set 1'), 1)
})

test.serial('singleUse among the options leaves the shared context open to the next connection', async t => {
  const { port, ca, handshakes } = await startServer(t)
  const sessionCache = new SessionCache()
  const options = { port, ca, servername: 'localhost', singleUse: true, sessionCache }
  const count = await madeBy(async () => {
    for (let round = 0; round < 4; round++) t.true((await finish(connect(options))).authorized)
  })
  t.is(count, 1)
  t.deepEqual(handshakes, { full: 1, resumed: 3 })
})

class Holder {
  constructor(public pem: string) {}
}

test.serial('an object that could change unseen is neither cacheable nor shared', async t => {
  const { cert, issue } = await testAuthority()
  const { server, port, ca } = await startServer(t, {
    requestCert: true,
    ca: cert,
    rejectUnauthorized: false,
  })
  const names: unknown[] = []
  server.on('secureConnection', socket => names.push(socket.getPeerCertificate().subject?.CN))
  const [a, b] = [
    await issue({ commonName: 'A', usage: 'client' }),
    await issue({ commonName: 'B', usage: 'client' }),
  ]
  const holder = new Holder(a.key)
  const options = (identity: string) => ({
    port,
    ca,
    servername: 'localhost',
    cert: identity,
    key: [holder] as unknown as tls.KeyObject[],
  })
  const sessionCache = new SessionCache()
  t.is(sessionKey(options(a.cert)), undefined)
  const count = await madeBy(async () => {
    await finish(connect({ ...options(a.cert), sessionCache }))
    await finish(connect({ ...options(a.cert), sessionCache }))
    holder.pem = b.key
    await finish(connect({ ...options(b.cert), sessionCache }))
  })
  t.is(count, 3)
  t.deepEqual(names, ['A', 'A', 'B'])
  t.is(sessionCache.stats().sets, 0)
})

for (const option of ['ca', 'cert', 'crl', 'key', 'pfx', 'ticketKeys']) {
  test.serial(`an instance of a class as ${option} makes a connection not cacheable`, t => {
    const base = { host: 'db.example', port: 5432 }
    const holder = new Holder('PEM')
    t.is(sessionKey({ ...base, [option]: holder }), undefined)
    t.is(sessionKey({ ...base, [option]: [holder] }), undefined)
    t.is(sessionKey({ ...base, [option]: [{ buf: holder }] }), undefined)
    t.is(typeof sessionKey({ ...base, [option]: [{ pem: 'PEM' }] }), 'string')
  })
}
