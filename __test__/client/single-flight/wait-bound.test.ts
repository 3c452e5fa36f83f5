import test from 'ava'
import fc from 'fast-check'
import { MAX_WAIT_MS, waitBound } from '../../../dist/client/single-flight.js'

const time = fc.oneof(fc.double({ min: 0, max: 10_000, noNaN: true }), fc.constant(Number.POSITIVE_INFINITY))
const maybe = fc.option(time, { nil: undefined })
/** The times of a connection whose thread does not compute. */
const idle = (time: number) => ({ total: time, network: time })
const maybeTimes = fc.option(fc.record({ total: time, network: time }), { nil: undefined })

test('wait bound: a connection never waits longer than 250 ms, nor than three times its own connect time and 100 ms', t => {
  t.is(MAX_WAIT_MS, 250)
  fc.assert(
    fc.property(maybeTimes, maybe, (times, sessionTime) => {
      const bound = waitBound(times, sessionTime)
      t.true(bound >= 0 && bound <= 250)
      if (times !== undefined) t.true(bound <= 3 * times.total + 100)
    }),
  )
})

test('wait bound: a connection waits only where the leader should be done within the bound', t => {
  fc.assert(
    fc.property(maybeTimes, time, (times, sessionTime) => {
      const bound = waitBound(times, sessionTime)
      t.true(bound === 0 || sessionTime <= bound)
    }),
  )
})

test('wait bound: over a stream of the caller, a connection waits only if the time of a handshake is known', t => {
  t.is(waitBound(undefined, undefined), 0)
  t.is(waitBound(undefined, 100), 250)
  t.is(waitBound(undefined, 251), 0)
})

test('wait bound: without a known time the leader is expected to take three times the connect time', t => {
  t.is(waitBound(idle(1), undefined), 103)
  t.is(waitBound(idle(80), undefined), 250)
  t.is(waitBound(idle(84), undefined), 0)
})

test('wait bound: what a thread computed while it connected does not count for the leader', t => {
  t.is(waitBound({ total: 80, network: 1 }, undefined), 250)
  t.is(waitBound({ total: 500, network: 1 }, undefined), 103)
  t.is(waitBound({ total: 500, network: 84 }, undefined), 0)
})

test('wait bound: a peer whose leaders brought nothing in time gets no followers', t => {
  t.is(waitBound(idle(1), Number.POSITIVE_INFINITY), 0)
  t.is(waitBound(undefined, Number.POSITIVE_INFINITY), 0)
})
