import { AsyncLocalStorage } from 'node:async_hooks'
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { once } from 'node:events'
import { syncBuiltinESMExports } from 'node:module'
import net from 'node:net'
import timers from 'node:timers'
import { setImmediate as turn } from 'node:timers/promises'
import tls from 'node:tls'
import test, { type ExecutionContext } from 'ava'
import { type ClientMessage, connect, SessionCache } from 'tls-resumption'
import { withoutTimers } from '../../support/fake-timers.ts'
import { outcome } from '../../support/outcome.ts'
import { finish, startServer, type TestServer, testAuthority } from '../../support/server.ts'
import { type StallingProxy, startStallingProxy } from '../../support/stalling-proxy.ts'

const FULL = { resumed: false, authorized: true }
const RESUMED = { resumed: true, authorized: true }

for (const maxVersion of ['TLSv1.2', 'TLSv1.3'] as const) {
  for (const host of ['127.0.0.1', 'localhost']) {
    test.serial(
      `single-flight: ${maxVersion} sixteen simultaneous connections to ${host} do one full handshake`,
      async t => {
        t.teardown(withoutTimers())
        const { port, ca, handshakes } = await startServer(t, { maxVersion })
        const options = { host, port, ca, servername: 'localhost', sessionCache: new SessionCache() }
        const outcomes = await Promise.all(Array.from({ length: 16 }, () => finish(connect(options))))
        t.is(outcomes.filter(({ authorized }) => authorized).length, 16)
        t.deepEqual(handshakes, { full: 1, resumed: 15 })
      },
    )
  }
}

test.serial('single-flight: no connection waits with singleUse or without coalesce', async t => {
  t.teardown(withoutTimers())
  const { port, ca, handshakes } = await startServer(t)
  for (const how of [{ sessionCache: new SessionCache({ singleUse: true }) }, { coalesce: false }]) {
    const gate = await startStallingProxy(t, port)
    const options = { port: gate.port, ca, servername: 'localhost', sessionCache: new SessionCache(), ...how }
    const first = finish(connect(options))
    await gate.next()
    t.deepEqual(await finish(connect(options)), FULL)
    gate.passages[0]?.open()
    t.deepEqual(await first, FULL)
  }
  t.deepEqual(handshakes, { full: 4, resumed: 0 })
})

/** Starts a leader that has sent its ClientHello and gets no answer yet. Returns the options of another connection. */
async function startLeader(t: ExecutionContext, tlsOptions?: tls.TlsOptions) {
  const server = await startServer(t, tlsOptions)
  const gate = await startStallingProxy(t, server.port)
  const options = {
    port: gate.port,
    ca: server.ca,
    servername: 'localhost',
    sessionCache: new SessionCache(),
  }
  const leader = connect(options)
  const passage = await gate.next()
  await hello(passage)
  return { server, gate, options, leader, passage }
}

async function hello(passage: StallingProxy['passages'][number]): Promise<void> {
  while (passage.sent === 0) await turn()
}

/** Waits for a connection that has reached the peer and sends nothing. */
async function startFollower(
  t: ExecutionContext,
  gate: StallingProxy,
  open: () => tls.TLSSocket,
): Promise<tls.TLSSocket> {
  const socket = open()
  const [passage] = await Promise.all([gate.next(), once(socket, 'connect')])
  for (let i = 0; i < 20; i++) await turn()
  t.is(passage.sent, 0, 'it waits')
  return socket
}

for (const maxVersion of ['TLSv1.2', 'TLSv1.3'] as const) {
  test.serial(`single-flight: ${maxVersion} a follower offers the session of the leader`, async t => {
    t.teardown(withoutTimers())
    const { gate, options, leader, passage } = await startLeader(t, { maxVersion })
    const follower = await startFollower(t, gate, () => connect(options))
    passage.open()
    t.deepEqual(await Promise.all([finish(leader), finish(follower)]), [FULL, RESUMED])
  })

  const ENDS: Record<string, (leader: Awaited<ReturnType<typeof startLeader>>) => void> = {
    'is destroyed': ({ leader }) => leader.destroy(),
    'loses its connection': ({ passage }) => passage.client.destroy(),
    'is answered with what is no TLS': ({ passage }) =>
      passage.client.write('HTTP/1.1 400 Bad Request\r\n\r\n'),
  }
  for (const [what, end] of Object.entries(ENDS)) {
    test.serial(
      `single-flight: ${maxVersion} if the leader ${what}, a follower does a full handshake at once`,
      async t => {
        t.teardown(withoutTimers())
        const started = await startLeader(t, { maxVersion })
        const { gate, options, leader } = started
        const follower = await startFollower(t, gate, () => connect(options))
        const led = outcome(leader)
        end(started)
        t.deepEqual(await finish(follower), FULL)
        t.false((await led).authorized)
        const next = connect(options)
        t.deepEqual(await finish(next), RESUMED)
      },
    )
  }

  test.serial(
    `single-flight: ${maxVersion} a follower waits for the tickets of a secure leader only as long again`,
    async t => {
      t.teardown(withoutTimers(1000))
      const { gate, options, leader, passage } = await startLeader(t, { maxVersion })
      const follower = await startFollower(t, gate, () => connect(options))
      // Tickets arrive with the first bytes that are read.
      leader.once('secureConnect', () => leader.pause())
      leader.once('secureConnect', () => passage.client.pause())
      t.teardown(() => leader.destroy())
      passage.open()
      t.true((await finish(follower)).authorized)
    },
  )

  test.serial(
    `single-flight: ${maxVersion} connections wait once for a leader without an answer`,
    async t => {
      const { gate, options, leader } = await startLeader(t, { maxVersion })
      const left = outcome(leader)
      const follower = await startFollower(t, gate, () => connect({ ...options }))
      t.deepEqual(await finish(follower), FULL)
      options.sessionCache.clear()
      const waited: boolean[] = []
      const hear = (message: unknown) => waited.push((message as ClientMessage).waited)
      subscribe('tls-resumption:client', hear)
      t.teardown(() => unsubscribe('tls-resumption:client', hear))
      await Promise.all([finish(connect(options)), finish(connect(options))])
      t.deepEqual(waited, [false, false])
      leader.destroy()
      await left
    },
  )

  test.serial(
    `single-flight: ${maxVersion} data written during the wait arrives once and in order`,
    async t => {
      t.teardown(withoutTimers())
      const { gate, options, leader, passage, server } = await startLeader(t, { maxVersion })
      const received = new Promise<string>(resolve => {
        server.server.prependListener('secureConnection', socket => {
          let text = ''
          socket.setEncoding('utf8').on('data', data => {
            text += data
            if (text.endsWith('.')) resolve(text)
          })
        })
      })
      const follower = await startFollower(t, gate, () => {
        const socket = connect(options)
        socket.write('before ')
        socket.write('connecting, ')
        return socket
      })
      follower.write('while ')
      const written = new Promise(resolve => follower.write('waiting, ', resolve))
      follower.end('at the end.')
      passage.open()
      t.deepEqual(await Promise.all([finish(leader), finish(follower)]), [FULL, RESUMED])
      t.is(await received, 'before connecting, while waiting, at the end.')
      t.falsy(await written)
    },
  )

  test.serial(`single-flight: ${maxVersion} end() without data continues at once`, async t => {
    t.teardown(withoutTimers())
    const { gate, options, leader } = await startLeader(t, { maxVersion })
    const follower = await startFollower(t, gate, () => connect(options))
    const [passage] = gate.passages.slice(-1)
    follower.end()
    await hello(passage as StallingProxy['passages'][number])
    await outcome(follower)
    t.true(follower.destroyed)
    leader.destroy()
  })

  test.serial(
    `single-flight: ${maxVersion} a follower destroyed during the wait uses no session`,
    async t => {
      t.teardown(withoutTimers())
      const { gate, options, leader, passage } = await startLeader(t, { maxVersion })
      const follower = await startFollower(t, gate, () => connect(options))
      const written = new Promise(resolve => follower.write('never sent', resolve))
      follower.destroy()
      await once(follower, 'close')
      t.true((await written) instanceof Error)
      passage.open()
      t.deepEqual(await finish(leader), FULL)
      t.is(options.sessionCache.stats().hits, 0)
    },
  )
}

test.serial(
  'single-flight: over a connecting socket it waits only if the handshake time is known',
  async t => {
    t.teardown(withoutTimers())
    const { port, ca } = await startServer(t)
    const gate = await startStallingProxy(t, port, [0, 2])
    const sessionCache = new SessionCache()
    const open = () =>
      connect({ socket: net.connect(gate.port, '127.0.0.1'), ca, servername: 'localhost', sessionCache })
    const first = open()
    const opened = await gate.next()
    await hello(opened)
    t.deepEqual(await finish(open()), FULL, 'it did not wait')
    opened.open()
    await finish(first)

    sessionCache.clear()
    const leader = open()
    const passage = await gate.next()
    await hello(passage)
    const follower = await startFollower(t, gate, open)
    passage.open()
    t.deepEqual(await Promise.all([finish(leader), finish(follower)]), [FULL, RESUMED])
  },
)

test.serial('single-flight: over a connected socket it sends the ClientHello at once', async t => {
  t.teardown(withoutTimers())
  const { port, ca } = await startServer(t)
  const gate = await startStallingProxy(t, port)
  const sessionCache = new SessionCache()
  const open = async () => {
    const socket = net.connect(gate.port, '127.0.0.1')
    await once(socket, 'connect')
    return connect({ socket, ca, servername: 'localhost', sessionCache })
  }
  const first = await open()
  t.deepEqual(await finish(await open()), FULL)
  gate.passages[0]?.open()
  t.deepEqual(await finish(first), FULL)
})

test.serial('single-flight: a session that the caller sets during the wait is offered', async t => {
  t.teardown(withoutTimers())
  const { gate, options, leader, passage, server } = await startLeader(t)
  const own = await sessionOf(server)
  const follower = await startFollower(t, gate, () => connect(options))
  ;(follower as tls.TLSSocket & { setSession(session: Buffer): void }).setSession(own)
  passage.open()
  await finish(leader)
  t.deepEqual(await finish(follower), RESUMED)
  t.is(options.sessionCache.stats().hits, 0)
})

async function sessionOf({ port, ca }: TestServer): Promise<Buffer> {
  const socket = tls.connect({ port, ca, servername: 'localhost' })
  const [[session]] = await Promise.all([once(socket, 'session'), finish(socket)])
  return session
}

test.serial('single-flight: a follower continues in its own async context', async t => {
  const requests = new AsyncLocalStorage<string>()
  const seen: (string | undefined)[] = []
  const note = () => {
    seen.push(requests.getStore())
  }
  const checkServerIdentity = (name: string, certificate: tls.PeerCertificate) => {
    note()
    return tls.checkServerIdentity(name, certificate)
  }
  const { port, ca } = await startServer(t)
  const gate = await startStallingProxy(t, port)
  const options = {
    ...{ port: gate.port, ca, servername: 'localhost', sessionCache: new SessionCache() },
    checkServerIdentity,
  }
  const leader = requests.run('leader', () => finish(connect(options)))
  const passage = await gate.next()
  const follower = requests.run('follower', () => {
    const socket = connect(options)
    socket.write('?', note)
    return finish(socket)
  })
  await gate.next()
  await turn()
  passage.open()
  t.deepEqual(await Promise.all([leader, follower]), [FULL, RESUMED])
  t.deepEqual(seen, ['leader', 'follower', 'follower'])
})

for (const maxVersion of ['TLSv1.2', 'TLSv1.3'] as const) {
  test.serial(
    `single-flight: ${maxVersion} a connection that writes in its connect listener waits as well`,
    async t => {
      t.teardown(withoutTimers())
      const { gate, options, leader, passage } = await startLeader(t, { maxVersion })
      const follower = await startFollower(t, gate, () => {
        const socket = connect(options)
        return socket.prependListener('connect', () => socket.write('?'))
      })
      passage.open()
      t.deepEqual(await Promise.all([finish(leader), finish(follower)]), [FULL, RESUMED])
    },
  )
}

for (const maxVersion of ['TLSv1.2', 'TLSv1.3'] as const) {
  test.serial(`single-flight: ${maxVersion} TLS over a waiting connection starts its handshake`, async t => {
    const inner = await startServer(t)
    const { issue } = await testAuthority()
    const identity = await issue({ commonName: 'localhost', dnsNames: ['localhost'], usage: 'server' })
    const tunnel = tls.createServer({ ...identity, maxVersion }, socket => {
      const up = net.connect(inner.port, '127.0.0.1')
      for (const end of [socket, up]) end.on('error', () => {})
      socket.pipe(up).pipe(socket)
    })
    t.teardown(() => tunnel.close())
    await once(tunnel.listen(0, '127.0.0.1'), 'listening')
    const gate = await startStallingProxy(t, (tunnel.address() as net.AddressInfo).port)
    const trust = { ca: inner.ca, servername: 'localhost' }
    const sessionCache = new SessionCache()
    const visit = async () => {
      const socket = connect({ port: gate.port, ...trust, sessionCache })
      await once(socket, 'connect')
      return finish(tls.connect({ socket, ...trust }))
    }
    const leader = visit()
    const passage = await gate.next()
    const others = [visit(), visit()]
    t.deepEqual(await Promise.all(others), [FULL, FULL])
    passage.open()
    t.deepEqual(await leader, FULL)
  })
}

test.serial('single-flight: waits are bounded although a test replaced the timers', async t => {
  const { setTimeout, setImmediate } = timers
  const replace = (by: object) => {
    Object.assign(globalThis, by)
    Object.assign(timers, by)
    syncBuiltinESMExports()
  }
  const restore = () => replace({ setTimeout, setImmediate })
  t.teardown(restore)
  const never = () => ({ ref() {}, unref() {} })
  replace({ setTimeout: never, setImmediate: never })
  const { options, leader, passage } = await startLeader(t)
  t.deepEqual(await finish(connect(options)), FULL)
  restore()
  passage.open()
  t.deepEqual(await finish(leader), FULL)
})
