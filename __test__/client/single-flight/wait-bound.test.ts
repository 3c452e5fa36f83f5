import test from 'ava'
import fc from 'fast-check'
import { MAX_WAIT_MS, waitBound } from '../../../dist/client/single-flight.js'

const time = fc.oneof(fc.double({ min: 0, max: 10_000, noNaN: true }), fc.constant(Number.POSITIVE_INFINITY))
const maybe = fc.option(time, { nil: undefined })

test('wait bound: a connection never waits longer than 250 ms, nor than three times its own connect time and 100 ms', t => {
  t.is(MAX_WAIT_MS, 250)
  fc.assert(
    fc.property(maybe, maybe, (connectTime, sessionTime) => {
      const bound = waitBound(connectTime, sessionTime)
      t.true(bound >= 0 && bound <= 250)
      if (connectTime !== undefined) t.true(bound <= 3 * connectTime + 100)
    }),
  )
})

test('wait bound: a connection waits only where the leader should be done within the bound', t => {
  fc.assert(
    fc.property(maybe, time, (connectTime, sessionTime) => {
      const bound = waitBound(connectTime, sessionTime)
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
  t.is(waitBound(1, undefined), 103)
  t.is(waitBound(80, undefined), 250)
  t.is(waitBound(84, undefined), 0)
})

test('wait bound: a peer whose leaders brought nothing in time gets no followers', t => {
  t.is(waitBound(1, Number.POSITIVE_INFINITY), 0)
  t.is(waitBound(undefined, Number.POSITIVE_INFINITY), 0)
})
