import test from 'ava'
import { type ConnectOptions, connect, SessionCache } from 'tls-resumption'
import { borrowPermitted, RECORD_BYTES, storeVerified } from '../../dist/cache/internal.js'
import { OfferBreaker } from '../../dist/cache/offer-breaker.js'
import { SessionCache as BuiltCache } from '../../dist/cache/session-cache.js'
import { withDefaults } from '../../dist/key/options.js'
import { identifyContextFor, identifyPeer } from '../../dist/key/session-key.js'
import { native } from '../../dist/native/addon.js'
import { finish, startServer } from '../support/server.ts'

const MINUTE = 60_000

/** Leads an endpoint through an alert and its pause. */
function endPause(endpoint: string): void {
  let now = 0
  const breaker = new OfferBreaker(() => now)
  breaker.alerted(endpoint)
  now = 2 * MINUTE
  breaker.mayOffer(endpoint, 'a key')
  now = 0
  breaker.rejected(endpoint, 'a key')
}

test('breaker: after a pause, a connection without a session leaves the offer to the next one', async t => {
  const { port, ca } = await startServer(t)
  const options: ConnectOptions = { port, ca, host: '127.0.0.1', servername: 'localhost' }
  const sessionCache = new SessionCache()
  const resumes = async (cache: SessionCache): Promise<boolean> => {
    const { resumed } = await finish(connect({ ...options, sessionCache: cache }))
    return resumed
  }
  t.false(await resumes(sessionCache))
  t.true(await resumes(sessionCache))
  const full = withDefaults(options)
  const identity = identifyPeer(full, undefined, identifyContextFor(full))
  if (identity === undefined) throw new Error('no identity')
  endPause(identity.endpoint)
  t.false(await resumes(new SessionCache()))
  t.true(await resumes(sessionCache))
})

test.serial(
  'breaker: a large session that is taken while it is read leaves the offer to the next connection',
  t => {
    const cache = new BuiltCache()
    const endpoint = 'of a large session'
    const record = Buffer.alloc(RECORD_BYTES, 1)
    // Larger than the buffer of the first read.
    storeVerified(cache, 'key', Buffer.alloc(20_000), record, { ttl: 60_000, reusable: true, add: false })
    endPause(endpoint)
    const { offerPermitted } = native
    native.offerPermitted = (...given) => {
      const length = offerPermitted(...given)
      cache.delete('key')
      return length
    }
    t.teardown(() => {
      native.offerPermitted = offerPermitted
    })
    t.is(
      borrowPermitted(cache, 'key', endpoint, () => t.fail()),
      undefined,
    )
    t.is(new OfferBreaker().mayOffer(endpoint, 'key'), 'offer')
  },
)
