import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import test from 'ava'
import { OfferBreaker, type OfferDecision } from '../../dist/cache/offer-breaker.js'

const MINUTE = 60_000
const DAY = 24 * 60 * MINUTE
/** Times are kept in steps of 64 ms, rounded up. */
const STEP = 64

let names = 0

/** A breaker with a clock of its own, for an endpoint that no other test uses. */
function begin() {
  const clock = { now: 1000 }
  const breaker = new OfferBreaker(() => clock.now)
  const endpoint = `peer-${++names}.example:443`
  const ask = (key = endpoint): OfferDecision => breaker.mayOffer(endpoint, key)
  /** Asserts how long a pause lasts, and leaves the clock at its end. */
  const pauseOf = (t: { deepEqual(a: unknown, b: unknown): void }, millis: number): void => {
    clock.now += millis - 1
    const last = ask()
    clock.now += STEP
    t.deepEqual([last, ask()], ['pause', 'offer'])
  }
  const breakOnOffer = (): void => {
    breaker.broken(endpoint)
    ask()
    breaker.fullSucceeded(endpoint)
  }
  return { ask, breaker, breakOnOffer, clock, endpoint, pauseOf }
}

test('breaker: an alert opens it at once, and its pause doubles from a minute to a day', t => {
  const { breaker, endpoint, pauseOf } = begin()
  for (let minutes = 1; minutes <= 2048; minutes *= 2) {
    breaker.alerted(endpoint)
    pauseOf(t, Math.min(minutes * MINUTE, DAY))
  }
  breaker.alerted(endpoint)
  pauseOf(t, DAY)
})

test('breaker: an alert to an offer from before the pause does not make it longer', t => {
  const { breaker, clock, endpoint, pauseOf } = begin()
  breaker.alerted(endpoint)
  clock.now += MINUTE / 2
  breaker.alerted(endpoint)
  breaker.broken(endpoint)
  pauseOf(t, MINUTE / 2)
})

test('breaker: after a reset one connection probes, and others offer nothing until it reports', t => {
  const { ask, breaker, endpoint } = begin()
  breaker.broken(endpoint)
  t.deepEqual([ask(), ask(), ask('another key')], ['probe', 'pause', 'pause'])
})

test('breaker: a probe that succeeds begins a pause, which doubles from one to ten minutes', t => {
  const { breakOnOffer, pauseOf } = begin()
  for (const minutes of [1, 2, 4, 8, 10, 10, 10]) {
    breakOnOffer()
    pauseOf(t, minutes * MINUTE)
  }
})

test('breaker: a probe that fails records nothing', t => {
  const { ask, breaker, breakOnOffer, endpoint, pauseOf } = begin()
  for (let round = 0; round < 5; round++) {
    breaker.broken(endpoint)
    t.is(ask(), 'probe')
    breaker.fullFailed(endpoint)
    t.is(ask(), 'offer')
  }
  breakOnOffer()
  pauseOf(t, MINUTE)
})

test('breaker: a probe without a report is repeated after ten seconds', t => {
  const { ask, breaker, clock, endpoint } = begin()
  breaker.broken(endpoint)
  t.is(ask(), 'probe')
  clock.now += 9_999
  t.is(ask(), 'pause')
  clock.now += STEP
  t.deepEqual([ask(), ask()], ['probe', 'pause'])
})

test('breaker: a full handshake changes nothing if the endpoint is not probed', t => {
  const { ask, breaker, endpoint } = begin()
  breaker.fullSucceeded(endpoint)
  breaker.fullFailed(endpoint)
  t.is(ask(), 'offer')
  breaker.broken(endpoint)
  breaker.fullSucceeded(endpoint)
  breaker.fullFailed(endpoint)
  t.is(ask(), 'probe')
})

test('breaker: resets never make the pause after an alert longer', t => {
  const { breaker, breakOnOffer, endpoint, pauseOf } = begin()
  for (const minutes of [1, 2, 4, 8, 10, 10]) {
    breakOnOffer()
    pauseOf(t, minutes * MINUTE)
  }
  breaker.alerted(endpoint)
  pauseOf(t, MINUTE)
})

test('breaker: after a pause one connection tries, and the others wait for its outcome', t => {
  const { ask, breaker, clock, endpoint } = begin()
  breaker.alerted(endpoint)
  clock.now += MINUTE + STEP
  t.deepEqual([ask(), ask()], ['offer', 'pause'])
  breaker.rejected(endpoint, 'a key')
  t.deepEqual([ask(), ask()], ['offer', 'pause'])
  breaker.notOffered(endpoint)
  t.deepEqual([ask(), ask()], ['offer', 'pause'])
  clock.now += 10_000 + STEP
  t.deepEqual([ask(), ask()], ['offer', 'pause'])
  breaker.resumed(endpoint, 'a key')
  t.deepEqual([ask(), ask()], ['offer', 'offer'])
})

test('breaker: one resumption forgets every failure', t => {
  const { ask, breaker, breakOnOffer, clock, endpoint, pauseOf } = begin()
  for (let round = 0; round < 3; round++) {
    breaker.alerted(endpoint)
    clock.now += DAY
    ask()
    breakOnOffer()
    clock.now += DAY
    ask()
  }
  breaker.resumed(endpoint, 'a key')
  breakOnOffer()
  pauseOf(t, MINUTE)
  breaker.resumed(endpoint, 'a key')
  breaker.alerted(endpoint)
  pauseOf(t, MINUTE)
  for (const isProbed of [false, true]) {
    breaker.broken(endpoint)
    if (isProbed) ask()
    breaker.resumed(endpoint, 'a key')
    t.deepEqual([ask(), ask()], ['offer', 'offer'])
  }
})

test('breaker: 20 rejections of a key in a row pause its offers for five seconds, then up to a minute', t => {
  const { ask, breaker, clock, endpoint } = begin()
  for (let round = 1; round < 20; round++) {
    breaker.rejected(endpoint, 'rejected')
    t.is(ask('rejected'), 'offer')
  }
  for (const seconds of [5, 10, 20, 40, 60, 60]) {
    breaker.rejected(endpoint, 'rejected')
    breaker.rejected(endpoint, 'rejected')
    t.is(ask('another key'), 'offer')
    clock.now += seconds * 1000 - 1
    t.is(ask('rejected'), 'pause')
    clock.now += STEP
    t.is(ask('rejected'), 'offer')
  }
  breaker.resumed(endpoint, 'rejected')
  for (let round = 1; round < 20; round++) breaker.rejected(endpoint, 'rejected')
  t.is(ask('rejected'), 'offer')
})

test('breaker: a thread that lagged takes the suspicion back when it sees its session resumed', t => {
  const { ask, breaker, endpoint } = begin()
  breaker.broken(endpoint)
  t.is(ask(), 'probe')
  breaker.resumed(endpoint, 'a key')
  breaker.fullSucceeded(endpoint)
  t.is(ask(), 'offer')
})

test('breaker: what is forgotten is closed', t => {
  const { ask, breaker, endpoint } = begin()
  breaker.alerted(endpoint)
  breaker.forget(endpoint)
  t.is(ask(), 'offer')
})

const PROGRAM = `
  const { parentPort, workerData } = require('node:worker_threads')
  import(workerData.module).then(({ OfferBreaker, offerBreaker }) => {
    const breaker = offerBreaker
    parentPort.on('message', code => {
      parentPort.postMessage(eval(code))
    })
    parentPort.postMessage('ready')
  })`

async function startThread(): Promise<{ run(code: string): Promise<unknown>; worker: Worker }> {
  const module = new URL('../../dist/cache/offer-breaker.js', import.meta.url).href
  const worker = new Worker(PROGRAM, { eval: true, workerData: { module } })
  await once(worker, 'message')
  const run = async (code: string): Promise<unknown> => {
    worker.postMessage(code)
    return (await once(worker, 'message'))[0]
  }
  return { run, worker }
}

test('breaker: all threads share it, and of all connections one probes', async t => {
  const breaker = new OfferBreaker()
  const endpoint = 'shared.example:443'
  const threads = await Promise.all([startThread(), startThread(), startThread()])
  await threads[0]?.run(`breaker.broken('${endpoint}')`)
  const asked = threads.map(({ run }) => run(`breaker.mayOffer('${endpoint}', 'a key')`))
  const decisions = [...(await Promise.all(asked)), breaker.mayOffer(endpoint, 'a key')]
  t.deepEqual(decisions.toSorted(), ['pause', 'pause', 'pause', 'probe'])
  await threads[1]?.run(`breaker.resumed('${endpoint}', 'a key')`)
  t.is(breaker.mayOffer(endpoint, 'a key'), 'offer')
  await Promise.all(threads.map(({ worker }) => worker.terminate()))
})
