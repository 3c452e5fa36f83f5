/** Drives a connection attempt through a socket that is a fake, in any order of events. */
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import type tls from 'node:tls'
import test, { type ExecutionContext } from 'ava'
import fc from 'fast-check'
import { type ClientMessage, connect, SessionCache, sessionKey } from 'tls-resumption'
import { offerBreaker } from '../../dist/cache/offer-breaker.js'
import { ConnectionAttempt } from '../../dist/client/attempt/attempt.js'
import { HANG_MS } from '../../dist/client/attempt/hang-watch.js'
import { recordSessionTime } from '../../dist/client/peer-state.js'
import { planConnection } from '../../dist/client/plan.js'
import { joinFlight } from '../../dist/client/single-flight.js'
import { withDefaults } from '../../dist/key/options.js'
import type { SocketPort } from '../../dist/node/socket-port.js'
import { clock, timers } from '../../dist/util/time.js'
import { finish, startServer } from '../support/server.ts'
import { readVerified, writeVerified } from '../support/verified.ts'

const LOST = Object.assign(new Error('read ECONNRESET'), { code: 'ECONNRESET', syscall: 'read' })
const ALERT = Object.assign(new Error('alert'), { code: 'ERR_SSL_SSL/TLS_ALERT_HANDSHAKE_FAILURE' })

/** A socket without a network. Records what the attempt does to it, and what it must not do. */
class FakePort implements SocketPort {
  isUsable = true
  hasStartedHandshake = false
  isResumed = false
  isAuthorized = true
  isDestroyed = false
  hasEnded = false
  protocol = 'TLSv1.3'
  bytesRead = 0
  transportBytesRead = 0
  ticket = undefined
  session = undefined
  sentCertificates = undefined
  isHeld = false
  given = 0
  readonly faults: string[] = []
  onEnd = () => {}

  watchSessions(): void {
    if (!this.isUsable) this.faults.push('sessions watched on a socket that is closed')
  }
  giveSession(session: Buffer): void {
    if (session.length === 0) this.faults.push('an empty session')
    if (this.hasStartedHandshake) this.faults.push('a session given after bytes went out')
    if (!this.isUsable) this.faults.push('a session given to a socket that is closed')
    if (++this.given > 1) this.faults.push('two sessions given')
  }
  setAuthorizationError(): void {
    this.faults.push('an authorization error without a reason')
  }
  peerCertificate(): tls.DetailedPeerCertificate | undefined {
    return undefined
  }
  hold(onEnd: () => void) {
    this.onEnd = onEnd
    this.isHeld = true
    const release = (what: string) => () => {
      if (!this.isHeld) this.faults.push(`${what} twice`)
      this.isHeld = false
    }
    const open = release('opened')
    return {
      open: () => {
        open()
        this.hasStartedHandshake = true
      },
      abandon: release('abandoned'),
    }
  }
}

type Step = (attempt: ConnectionAttempt, port: FakePort, session: Buffer) => void

/** What may happen to a socket, in any order and any number of times. */
const STEPS: Record<string, Step> = {
  address: attempt => attempt.onAddress(),
  connected: attempt => attempt.onTransportConnected(),
  'bytes went out': (_, port) => {
    if (!port.isHeld) port.hasStartedHandshake = true
  },
  resumed: (attempt, port) => {
    port.isResumed = port.given > 0
    port.hasStartedHandshake = true
    attempt.onSecure()
  },
  full: (attempt, port) => {
    port.isResumed = false
    port.hasStartedHandshake = true
    attempt.onSecure()
  },
  unauthorized: (attempt, port) => {
    port.isAuthorized = false
    attempt.onSecure()
  },
  session: (attempt, _, session) => attempt.onSession(session),
  'session that is none': attempt => attempt.onSession(Buffer.from('none')),
  'caller gives a session': attempt => attempt.onCallerSession(),
  data: (_, port) => {
    port.bytesRead++
    port.transportBytesRead++
  },
  end: (_, port) => {
    port.hasEnded = true
    if (port.isHeld) port.onEnd()
  },
  reset: (attempt, port) => close(attempt, port, LOST),
  alert: (attempt, port) => close(attempt, port, ALERT),
  'error of the application': (attempt, port) => close(attempt, port, new Error('its own')),
  close: (attempt, port) => close(attempt, port, undefined),
}

function close(attempt: ConnectionAttempt, port: FakePort, error: unknown): void {
  port.isUsable = false
  port.isDestroyed = true
  attempt.onClosed(error)
}

/** Connects once, and returns what another connection needs to resume. */
async function prepare(t: ExecutionContext) {
  const { port, ca } = await startServer(t)
  const dial = { port, host: '127.0.0.1', servername: 'localhost', ca }
  const cache = new SessionCache()
  await finish(connect({ ...dial, sessionCache: cache }))
  return { dial, cache, verified: readVerified(cache, sessionKey(dial) ?? '') }
}

function inputsOf(cache: SessionCache, dial: tls.ConnectionOptions, cachePartition?: string) {
  const options = withDefaults({ ...dial }) as tls.ConnectionOptions
  const { inputs } = planConnection(cache, options, { cachePartition })
  if (inputs === undefined || 'find' in inputs) throw new Error('not cacheable')
  return inputs
}

test.serial('attempt: no silence counts after a handshake with a session of the caller', async t => {
  const { dial, cache, verified } = await prepare(t)
  const inputs = inputsOf(cache, dial)
  const { monotonic } = clock
  const { setTimeout } = timers
  t.teardown(() => {
    clock.monotonic = monotonic
    timers.setTimeout = setTimeout
  })
  let check = () => {}
  timers.setTimeout = ((callback: () => void) => {
    check = callback
    return setTimeout(() => {}, 0)
  }) as typeof setTimeout
  const now = monotonic()
  clock.monotonic = () => now
  const isSuspected = (...names: string[]) => {
    writeVerified(cache, inputs.peer.key, verified)
    const [attempt, fake] = [new ConnectionAttempt(inputs, () => true), new FakePort()]
    attempt.attachPort(fake, {} as tls.TLSSocket)
    clock.monotonic = () => now
    for (const name of names) STEPS[name]?.(attempt, fake, verified.session)
    t.is(fake.given, 1)
    clock.monotonic = () => now + HANG_MS
    check()
    close(attempt, fake, undefined)
    return offerBreaker.mayOffer(inputs.peer.endpoint, inputs.peer.key) !== 'offer'
  }
  t.false(isSuspected('connected', 'caller gives a session', 'full'))
  t.true(isSuspected('connected', 'caller gives a session'), 'of a peer that does not answer')
})

test.serial(
  'attempt: in any order of events it reports once, ends its flight once, and offers in time only',
  async t => {
    const { dial, cache, verified } = await prepare(t)

    let reports: ClientMessage[] = []
    const hear = (message: unknown) => {
      reports.push(message as ClientMessage)
    }
    subscribe('tls-resumption:client', hear)
    t.teardown(() => unsubscribe('tls-resumption:client', hear))

    const keys = new Set<string>()
    let held = 0
    const steps = fc.array(fc.constantFrom(...Object.keys(STEPS)), { maxLength: 12 })
    fc.assert(
      fc.property(
        fc.oneof(
          steps,
          steps.map(names => ['connected', ...names]),
        ),
        fc.boolean(),
        fc.boolean(),
        (names, hasSession, isLed) => {
          offerBreaker.forget()
          reports = []
          // Each run has a peer of its own.
          const partition = `run ${keys.size}`
          const inputs = inputsOf(cache, dial, partition)
          const { key, endpoint } = inputs.peer
          recordSessionTime(endpoint, 1)
          keys.add(key)
          if (hasSession) writeVerified(cache, key, verified)
          const leader = isLed ? joinFlight(cache, key, true) : undefined
          const attempt = new ConnectionAttempt(inputs, () => true)
          const fake = new FakePort()
          attempt.attachPort(fake, {} as tls.TLSSocket)
          for (const name of names) STEPS[name]?.(attempt, fake, verified.session)
          if (fake.isHeld) held++
          if (!fake.isDestroyed) close(attempt, fake, undefined)
          if (typeof leader === 'object') leader.end(false)

          t.deepEqual(fake.faults, [])
          t.false(fake.isHeld, 'a handshake is held that is not released')
          t.is(reports.length, 1)
          if (fake.given === 0) t.false(reports[0]?.offered)
          // What ended its flight leaves the lease to the next one, unless a pause follows.
          t.not(joinFlight(cache, key, true), 'follow', 'a flight goes on')
          // Nothing happens after the end.
          const { sets, size } = cache.stats()
          for (const [name, step] of Object.entries(STEPS))
            if (name !== 'end') step(attempt, fake, verified.session)
          t.like(cache.stats(), { sets, size })
          t.is(reports.length, 1)
          t.deepEqual(fake.faults, [])
        },
      ),
      { numRuns: 500 },
    )
    t.true(held > 10, 'some connections wait until they are closed')
  },
)
