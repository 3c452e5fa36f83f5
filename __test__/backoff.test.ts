import test from 'ava'
import { failed, mayOffer, succeeded } from '../dist/backoff.js'

test.serial('a peer is left alone after three failures in a row', t => {
  for (const isPaused of [false, false, true]) {
    failed('three')
    t.is(mayOffer('three'), !isPaused)
  }
})

test.serial('a handshake that ends well starts the count anew', t => {
  for (let round = 0; round < 3; round++) {
    failed('now and then')
    failed('now and then')
    succeeded('now and then')
  }
  failed('now and then')
  t.true(mayOffer('now and then'))
})

test.serial('after a minute the peer is tried again, and left alone again at the first failure', t => {
  const { now } = performance
  t.teardown(() => {
    performance.now = now
  })
  for (let failure = 0; failure < 3; failure++) failed('later')
  performance.now = () => now.call(performance) + 59_000
  t.false(mayOffer('later'))
  performance.now = () => now.call(performance) + 61_000
  t.true(mayOffer('later'))
  failed('later')
  t.false(mayOffer('later'))
})

test.serial('a thousand other failing peers do not make one forgotten that is asked about', t => {
  for (let failure = 0; failure < 3; failure++) failed('busy')
  for (let peer = 0; peer < 2000; peer++) {
    failed(`peer ${peer}`)
    t.false(mayOffer('busy'))
  }
})
