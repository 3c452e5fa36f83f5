/** Connections whose stored session may not be offered any more share a full handshake, as those without a session do. */
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import test, { type ExecutionContext } from 'ava'
import { type ClientMessage, connect, SessionCache } from 'tls-resumption'
import { clock } from '../../../dist/util/time.js'
import { withoutTimers } from '../../support/fake-timers.ts'
import { finish, startServer } from '../../support/server.ts'

const AT_ONCE = 8

/** Replaces the clock by which this package judges verifications. */
function setClock(t: ExecutionContext, wall: () => number): void {
  const original = clock.wall
  t.teardown(() => {
    clock.wall = original
  })
  clock.wall = wall
}

for (const version of ['TLSv1.2', 'TLSv1.3'] as const) {
  const setUp = async (t: ExecutionContext, maxAge: number) => {
    t.teardown(withoutTimers())
    const { port, ca, handshakes } = await startServer(t, { minVersion: version, maxVersion: version })
    const options = { port, ca, servername: 'localhost', sessionCache: new SessionCache(), maxAge }
    const burst = () => Promise.all(Array.from({ length: AT_ONCE }, () => finish(connect(options))))
    return { options, burst, handshakes }
  }

  test.serial(
    `single-flight: ${version} when maxAge has passed, connections at once do one full handshake`,
    async t => {
      const { options, burst, handshakes } = await setUp(t, 1_000_000)
      await finish(connect(options))
      const later = Date.now() + 2_000_000
      setClock(t, () => later)
      await burst()
      t.deepEqual(handshakes, { full: 2, resumed: AT_ONCE - 1 })
    },
  )

  test.serial(
    `single-flight: ${version} connections wait once for a session that they may not offer either`,
    async t => {
      const { options, burst } = await setUp(t, 1)
      let now = Date.now()
      setClock(t, () => {
        now += 10
        return now
      })
      await finish(connect(options))
      const waited: boolean[] = []
      const hear = (message: unknown) => waited.push((message as ClientMessage).waited)
      subscribe('tls-resumption:client', hear)
      t.teardown(() => unsubscribe('tls-resumption:client', hear))
      await burst()
      t.true(waited.includes(true))
      waited.length = 0
      await burst()
      t.false(waited.includes(true))
    },
  )
}
