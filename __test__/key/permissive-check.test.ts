/** A `checkServerIdentity` that never objects is one and the same, wherever drivers write it. */
import { once } from 'node:events'
import tls from 'node:tls'
import { Worker } from 'node:worker_threads'
import test from 'ava'
import { connect, SessionCache, sessionKey } from 'tls-resumption'
import { outcome } from '../support/outcome.ts'
import { finish, startServer, testAuthority } from '../support/server.ts'

type Check = NonNullable<tls.ConnectionOptions['checkServerIdentity']>

const base = { host: 'db.example', port: 3306 }

/** As if written at that place, new at each call. */
const written = (text: string): Check => new Function(`return (${text})`)()
const keyOf = (text: string) => sessionKey({ ...base, checkServerIdentity: written(text) })
const approving = keyOf('() => undefined')

for (const text of [
  'function () { return undefined; }',
  'function () {\n              return undefined;\n            }',
  'function() {}',
  'function checkServerIdentity(hostname, cert) { return }',
  '(host, cert) => undefined',
  '(_host,_cert)=>{}',
  '_ => void 0',
  '() => { /* we do not verify */ return undefined // at all\n }',
]) {
  test(`never objects: ${JSON.stringify(text)}`, t => {
    t.is(typeof approving, 'string')
    t.is(keyOf(text), approving)
    t.is(keyOf(text), approving, 'at each call')
    t.is(written(text)('name', {} as tls.PeerCertificate), undefined)
  })
}

for (const text of [
  '() => null',
  "() => { // harmless\u2028throw new Error('not pinned')\n}",
  '() => false',
  '() => pin',
  '() => { return check }',
  '() => undefined || check()',
  'async () => undefined',
  'async () => {}',
  'function* () {}',
  '(host = check()) => undefined',
  '({ host }) => undefined',
  '(...args) => undefined',
  '() => { check() }',
  '() => { "/*"; check(); "*/" }',
  '() => { return "//", check() }',
  'class { }',
]) {
  test(`may object, so is known by its identity: ${text}`, t => {
    t.not(keyOf(text), approving)
    t.is(keyOf(text), undefined, 'the second of its text')
  })
}

test('what hides its text is known by its identity', t => {
  const refuse = () => new Error('no')
  for (const checkServerIdentity of [
    refuse.bind(undefined),
    new Proxy(refuse, {}),
    Object.assign(refuse, { toString: () => '() => undefined' }),
  ]) {
    t.not(sessionKey({ ...base, checkServerIdentity }), approving)
  }
})

for (const maxVersion of ['TLSv1.2', 'TLSv1.3'] as const) {
  test(`${maxVersion}: with one that is new at each call, connections resume`, async t => {
    const { port, ca } = await startServer(t, { maxVersion })
    const options = { port, ca, servername: 'other.example', sessionCache: new SessionCache() }
    const resumed: boolean[] = []
    for (let round = 0; round < 3; round++) {
      const checkServerIdentity = written('function () { return undefined; }')
      resumed.push((await finish(connect({ ...options, checkServerIdentity }))).resumed)
    }
    t.deepEqual(resumed, [false, true, true])
  })

  test(`${maxVersion}: its session does not authorize a caller that checks the name`, async t => {
    const { port, ca } = await startServer(t, { maxVersion })
    const options = { port, ca, servername: 'other.example' }
    const approvingOptions = { ...options, checkServerIdentity: written('() => undefined') }
    const plain = tls.connect(approvingOptions)
    const [[session]] = await Promise.all([once(plain, 'session'), finish(plain)])
    const sessionCache = new SessionCache()
    await finish(connect({ ...approvingOptions, sessionCache }))
    t.true((await finish(tls.connect({ ...options, session }))).authorized, 'Node is fooled')
    t.is((await outcome(connect({ ...options, sessionCache }))).refused, 'ERR_TLS_CERT_ALTNAME_INVALID')
  })

  test(`${maxVersion}: one that only looks like it is asked`, async t => {
    const { port, ca } = await startServer(t, { maxVersion })
    const options = { port, ca, servername: 'localhost', sessionCache: new SessionCache() }
    await finish(connect({ ...options, checkServerIdentity: written('() => undefined') }))
    // It returns its parameter, which is the name.
    const checkServerIdentity = written('undefined => undefined')
    t.like(await outcome(connect({ ...options, checkServerIdentity })), { resumed: false, authorized: false })
  })

  test(`${maxVersion}: another thread resumes, too`, async t => {
    const { port, ca } = await startServer(t, { maxVersion })
    const { cert } = await testAuthority()
    t.is(ca, cert)
    const options = { port, ca, servername: 'localhost' }
    const name = `approves-all ${maxVersion}`
    const sessionCache = new SessionCache({ name })
    await finish(connect({ ...options, sessionCache, checkServerIdentity: written('() => undefined') }))
    const worker = new Worker(new URL('../workers/approving.ts', import.meta.url), {
      workerData: { options, name },
    })
    t.deepEqual(await once(worker, 'message'), [{ resumed: true, authorized: true }])
  })
}
