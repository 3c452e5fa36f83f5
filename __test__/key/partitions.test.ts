/** A partition vouches for functions of one source text, and for no others. */
import test from 'ava'
import { connect, SessionCache, sessionKey } from 'tls-resumption'
import { outcome } from '../support/outcome.ts'
import { finish, startServer } from '../support/server.ts'

const base = { host: 'db.example', port: 5432, cachePartition: 'tenant' }

test('two different functions under one partition have different keys', t => {
  const pinA = (name: string) => (name ? undefined : new Error('no name'))
  const pinB = (name: string) => (name === 'a' ? undefined : new Error('not my pin'))
  const [a, b] = [pinA, pinB].map(checkServerIdentity => sessionKey({ ...base, checkServerIdentity }))
  t.is(typeof a, 'string')
  t.not(a, b)
  t.not(a, sessionKey(base))
  t.is(a, sessionKey({ ...base, checkServerIdentity: pinA }))
})

test('a toString of its own makes no function that of another', t => {
  const pinA = Object.assign((name: string) => (name ? undefined : new Error('no name')), {
    toString: () => 'pin',
  })
  const pinB = Object.assign((host: string) => (host ? undefined : new Error('no host')), {
    toString: () => 'pin',
  })
  const [a, b] = [pinA, pinB].map(checkServerIdentity => sessionKey({ ...base, checkServerIdentity }))
  t.not(a, b)
})

test('a toString that throws is no matter', t => {
  const pin = Object.assign((name: string) => (name ? undefined : new Error('no name')), {
    toString() {
      throw new Error('no text')
    },
  })
  for (const partition of [{}, { cachePartition: 'tenant' }]) {
    t.is(typeof sessionKey({ ...base, ...partition, checkServerIdentity: pin }), 'string')
  }
})

for (const maxVersion of ['TLSv1.2', 'TLSv1.3'] as const) {
  test(`${maxVersion}: the check of one caller of a partition is asked after that of another`, async t => {
    const { port, ca } = await startServer(t, { maxVersion })
    const options = { port, ca, servername: 'localhost', cachePartition: 'tenant' }
    const sessionCache = new SessionCache()
    let asked = 0
    const pinA = () => undefined
    const pinB = () => {
      asked++
      return new Error('not my pin')
    }
    await finish(connect({ ...options, sessionCache, checkServerIdentity: pinA }))
    t.true((await finish(connect({ ...options, sessionCache, checkServerIdentity: pinA }))).resumed)
    const { refused } = await outcome(connect({ ...options, sessionCache, checkServerIdentity: pinB }))
    t.is(refused, 'not my pin')
    t.is(asked, 1)
  })
}
