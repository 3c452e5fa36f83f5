import test from 'ava'
import { Breaker } from '../../dist/util/circuit-breaker.js'

function breaker() {
  const clock = { now: 0 }
  const made = new Breaker(() => clock.now)
  const fail = (times: number) => {
    for (let n = 0; n < times; n++) made.failed()
  }
  return { breaker: made, clock, fail }
}

test('four failures in a row are borne, the fifth opens it', t => {
  const { breaker: it, fail } = breaker()
  fail(4)
  t.true(it.admits())
  it.succeeded()
  fail(4)
  t.deepEqual([it.admits(), it.state], [true, 'closed'])
  fail(1)
  t.deepEqual([it.admits(), it.state], [false, 'open'])
})

test('after a pause one request is let through, and its success closes it', t => {
  const { breaker: it, clock, fail } = breaker()
  fail(5)
  clock.now = 999
  t.false(it.admits())
  clock.now = 1000
  t.is(it.state, 'half-open')
  t.deepEqual([it.admits(), it.admits()], [true, false])
  it.succeeded()
  t.deepEqual([it.admits(), it.admits(), it.state], [true, true, 'closed'])
})

test('each further failure doubles the pause, up to ten seconds, and a success ends that', t => {
  const { breaker: it, clock, fail } = breaker()
  fail(5)
  const pauses = Array.from({ length: 6 }, () => {
    const begun = clock.now
    while (!it.admits()) clock.now += 100
    it.failed()
    return clock.now - begun
  })
  t.deepEqual(pauses, [1000, 2000, 4000, 8000, 10_000, 10_000])
  clock.now += 10_000
  it.admits()
  it.succeeded()
  fail(5)
  clock.now += 1000
  t.true(it.admits())
})

test('what was under way when it opened makes the pause no longer', t => {
  const { breaker: it, clock, fail } = breaker()
  fail(5)
  clock.now = 500
  fail(100)
  clock.now = 1000
  t.true(it.admits())
})
