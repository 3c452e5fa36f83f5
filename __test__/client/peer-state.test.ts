import test, { type ExecutionContext } from 'ava'
import { failed, mayOffer, refused, resumed } from '../../dist/client/peer-state.js'
import { clock } from '../../dist/util/time.js'

/** Moves the monotonic clock on, for the rest of the test. */
function later(t: ExecutionContext, by: number): void {
  const { monotonic } = clock
  clock.monotonic = () => monotonic() + by
  t.teardown(() => {
    clock.monotonic = monotonic
  })
}

test.serial('a peer is left alone after three failures in a row', t => {
  for (const isPaused of [false, false, true]) {
    failed('three')
    t.is(mayOffer('three'), !isPaused)
  }
})

test.serial('a handshake that ends well starts the count anew', t => {
  for (const endWell of [resumed, refused]) {
    for (let round = 0; round < 3; round++) {
      failed('now and then')
      failed('now and then')
      endWell('now and then')
    }
    failed('now and then')
    t.true(mayOffer('now and then'))
    resumed('now and then')
  }
})

test.serial('after a minute the peer is tried again, and left alone again at the first failure', t => {
  for (let failure = 0; failure < 3; failure++) failed('later')
  later(t, 59_000)
  t.false(mayOffer('later'))
  later(t, 2_000)
  t.true(mayOffer('later'))
  failed('later')
  t.false(mayOffer('later'))
})

test.serial('a peer that refuses twenty sessions in a row is left alone, for longer each time', t => {
  for (let refusal = 1; refusal < 20; refusal++) {
    refused('refuses')
    t.true(mayOffer('refuses'))
  }
  for (const seconds of [5, 10, 20, 40, 60, 60]) {
    refused('refuses')
    t.false(mayOffer('refuses'))
    // As if many had been under way.
    for (let i = 0; i < 30; i++) refused('refuses')
    later(t, seconds * 1000 - 500)
    t.false(mayOffer('refuses'), `${seconds} s`)
    later(t, 600)
    t.true(mayOffer('refuses'))
  }
  resumed('refuses')
  refused('refuses')
  t.true(mayOffer('refuses'))
})

test.serial('a thousand other failing peers do not make one forgotten that is asked about', t => {
  for (let failure = 0; failure < 3; failure++) failed('busy')
  for (let peer = 0; peer < 2000; peer++) {
    failed(`peer ${peer}`)
    t.false(mayOffer('busy'))
  }
})
