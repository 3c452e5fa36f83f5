import test from 'ava'
import { CircuitBreaker } from '../../dist/util/circuit-breaker.js'

function createBreaker() {
  const clock = { now: 0 }
  const breaker = new CircuitBreaker(() => clock.now)
  const fail = (times: number) => {
    for (let n = 0; n < times; n++) breaker.failed()
  }
  return { breaker, clock, fail }
}

test('circuit breaker: the fifth consecutive failure opens it', t => {
  const { breaker, fail } = createBreaker()
  fail(4)
  t.true(breaker.admits())
  breaker.succeeded()
  fail(4)
  t.deepEqual([breaker.admits(), breaker.state], [true, 'closed'])
  fail(1)
  t.deepEqual([breaker.admits(), breaker.state], [false, 'open'])
})

test('circuit breaker: one request is admitted after the pause, and its success closes it', t => {
  const { breaker, clock, fail } = createBreaker()
  fail(5)
  clock.now = 999
  t.false(breaker.admits())
  clock.now = 1000
  t.is(breaker.state, 'half-open')
  t.deepEqual([breaker.admits(), breaker.admits()], [true, false])
  breaker.succeeded()
  t.deepEqual([breaker.admits(), breaker.admits(), breaker.state], [true, true, 'closed'])
})

test('circuit breaker: each failed probe doubles the pause up to ten seconds until a success', t => {
  const { breaker, clock, fail } = createBreaker()
  fail(5)
  const pauses = Array.from({ length: 6 }, () => {
    const begun = clock.now
    while (!breaker.admits()) clock.now += 100
    breaker.failed()
    return clock.now - begun
  })
  t.deepEqual(pauses, [1000, 2000, 4000, 8000, 10_000, 10_000])
  clock.now += 10_000
  breaker.admits()
  breaker.succeeded()
  fail(5)
  clock.now += 1000
  t.true(breaker.admits())
})

test('circuit breaker: failures of requests that were already running do not extend the pause', t => {
  const { breaker, clock, fail } = createBreaker()
  fail(5)
  clock.now = 500
  fail(100)
  clock.now = 1000
  t.true(breaker.admits())
})
