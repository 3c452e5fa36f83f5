import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type tls from 'node:tls'
import test, { type ExecutionContext } from 'ava'
import { type ClientMessage, type ConnectOptions, connect, SessionCache } from 'tls-resumption'
import { clock } from '../../dist/util/time.js'
import { withoutClock } from '../support/fake-timers.ts'
import { outcome } from '../support/outcome.ts'
import { finish } from '../support/server.ts'
import { type Peer, type Said, startPeer } from '../support/strict-peer.ts'
import { runProgramIn } from '../workers/spawn.ts'

const FULL = { resumed: false, authorized: true }
const RESUMED = { resumed: true, authorized: true }

function optionsFor({ port, ca }: Peer, cache = new SessionCache()) {
  return { port, ca, servername: 'localhost', sessionCache: cache, coalesce: false } satisfies ConnectOptions
}

/** Collects the reasons of connections to the peer. */
function listen(t: ExecutionContext, { port }: Peer): string[] {
  const reasons: string[] = []
  const hear = (message: unknown) => {
    const { peer, reason } = message as ClientMessage
    if (peer.endsWith(`:${port}`)) reasons.push(reason)
  }
  subscribe('tls-resumption:client', hear)
  t.teardown(() => unsubscribe('tls-resumption:client', hear))
  return reasons
}

async function inTurn<T>(count: number, run: () => Promise<T>): Promise<T[]> {
  const results: T[] = []
  for (let i = 0; i < count; i++) results.push(await run())
  return results
}

test('strict peer: with singleUse a peer that accepts each ticket once never receives one twice', async t => {
  const peer = await startPeer(t)
  const options = optionsFor(peer, new SessionCache({ singleUse: true }))
  const results = await inTurn(8, () => finish(connect(options)))
  t.deepEqual(results, [FULL, ...Array(7).fill(RESUMED)])
  await Promise.all(Array.from({ length: 16 }, () => finish(connect(options))))
  await inTurn(4, () => finish(connect(options)))
  const said = await peer.hears(28)
  t.deepEqual(
    said.filter(({ offered, kind }) => offered && kind !== 'Resumed'),
    [],
    'offered, and not taken',
  )
})

test('strict peer: without singleUse such a peer gets a ticket again and does full handshakes', async t => {
  const peer = await startPeer(t)
  const options = optionsFor(peer)
  await finish(connect(options))
  const outcomes = await Promise.all(Array.from({ length: 12 }, () => outcome(connect(options))))
  t.true(outcomes.every(({ authorized, refused }) => authorized && refused === undefined))
  const said = await peer.hears(13)
  t.true(said.some(({ offered, kind }) => offered && kind === 'Full'))
  t.true(said.some(({ kind }) => kind === 'Resumed'))
})

for (const version of ['1.2', '1.3']) {
  for (const how of [[], ['--ids']]) {
    test(`strict peer: TLS ${version} with a peer that rejects its sessions ${how}`, async t => {
      const peer = await startPeer(t, '--version', version, '--refuse', ...how)
      const reasons = listen(t, peer)
      t.deepEqual(await inTurn(4, () => finish(connect(optionsFor(peer)))), Array(4).fill(FULL))
      const options = optionsFor(peer)
      t.deepEqual(await inTurn(4, () => finish(connect(options))), Array(4).fill(FULL))
      const offered = (await peer.hears(8)).slice(5).map(({ offered, kind }) => ({ offered, kind }))
      // Without a session store the peer issues no session ID.
      const isNoSession = how.length > 0
      t.deepEqual(offered, Array(3).fill({ offered: !isNoSession, kind: 'Full' }))
      t.is(reasons.at(-1), isNoSession ? 'no-session' : 'rejected-by-peer')
    })
  }

  test(`strict peer: TLS ${version} offers pause to a peer that rejects every session`, async t => {
    const peer = await startPeer(t, '--version', version, '--refuse')
    const options = optionsFor(peer)
    const reasons = listen(t, peer)
    await inTurn(24, () => finish(connect(options)))
    t.deepEqual(reasons, [
      'no-session',
      ...Array(20).fill('rejected-by-peer'),
      ...Array(3).fill('backed-off'),
    ])
  })

  test.serial(`strict peer: TLS ${version} while offers pause, a session a second is stored`, async t => {
    const peer = await startPeer(t, '--version', version, '--refuse')
    const options = optionsFor(peer)
    const { monotonic } = clock
    t.teardown(() => {
      clock.monotonic = monotonic
    })
    clock.monotonic = () => 0
    const stored = async (connections: number) => {
      const before = options.sessionCache.stats().sets
      await inTurn(connections, () => finish(connect(options)))
      return options.sessionCache.stats().sets - before
    }
    t.true((await stored(21)) >= 21)
    t.is(await stored(3), 0)
    clock.monotonic = () => 1000
    t.true((await stored(1)) > 0)
    t.is(await stored(1), 0)
  })

  test(`strict peer: TLS ${version} with a lifetime of 0`, async t => {
    const peer = await startPeer(t, '--version', version, '--lifetime', '0')
    const options = optionsFor(peer)
    const results = await inTurn(2, () => finish(connect(options)))
    // The ticket must be discarded (RFC 8446 section 4.6.1), or has no hint (RFC 5077 section 3.3).
    t.deepEqual(results, version === '1.3' ? [FULL, FULL] : [FULL, RESUMED])
    t.is(options.sessionCache.size, version === '1.3' ? 0 : 1)
  })

  test(`strict peer: TLS ${version} with tickets that are too long for Node`, async t => {
    const peer = await startPeer(t, '--version', version, '--size', '60000', '--tickets', '5')
    const options = optionsFor(peer)
    t.deepEqual(
      await inTurn(3, () => outcome(connect(options))),
      Array(3).fill({ ...FULL, refused: undefined }),
    )
    t.is(options.sessionCache.size, 0)
  })

  test(`strict peer: TLS ${version} with long tickets resumes`, async t => {
    const peer = await startPeer(t, '--version', version, '--size', '8000')
    const options = optionsFor(peer)
    t.deepEqual(await inTurn(2, () => finish(connect(options))), [FULL, RESUMED])
  })

  test(`strict peer: TLS ${version} with tickets that arrive with the close`, async t => {
    const peer = await startPeer(t, '--version', version, '--late')
    const options = optionsFor(peer)
    const results = await inTurn(2, async () => {
      const socket = connect(options)
      socket.once('secureConnect', () => socket.end())
      return finish(socket)
    })
    t.deepEqual(results, [FULL, RESUMED])
  })

  for (const [how, code] of [
    ['close', 'ECONNRESET'],
    ['alert', /HANDSHAKE_FAILURE/],
  ] as const) {
    test(`strict peer: TLS ${version} with a peer that answers an offer by ${how}`, async t => {
      const peer = await startPeer(t, '--version', version, '--when-offered', how)
      const options = optionsFor(peer)
      const reasons = listen(t, peer)
      const sizes: number[] = []
      const results = await inTurn(10, () => {
        sizes.push(options.sessionCache.size)
        return outcome(connect(options))
      })
      const failures = results.filter(({ refused }) => refused !== undefined)
      t.is(failures.length, 1)
      for (const { refused } of failures) t.regex(refused ?? '', new RegExp(code))
      t.deepEqual(reasons, ['no-session', 'failed', ...Array(8).fill('backed-off')])
      // A reset says nothing about the sessions.
      if (how === 'alert') t.is(sizes[2], 0)
      else t.is(sizes[2], sizes[1])
    })
  }

  test.serial(`strict peer: TLS ${version} with a peer that answers an offer by silence`, async t => {
    const peer = await startPeer(t, '--version', version, '--when-offered', 'hang')
    const options = optionsFor(peer)
    t.deepEqual(await finish(connect(options)), FULL)
    const socket = connect(options)
    await peer.hears(2)
    // Twice as long as necessary: the wait starts again if the thread was busy.
    await sleep(2300)
    socket.destroy()
    // In the same turn, as by a caller that does not wait for 'close'.
    t.deepEqual(await finish(connect(options)), FULL)
    t.deepEqual(await finish(connect(options)), FULL)
    const said = await peer.hears(4)
    t.deepEqual(
      said.map(({ offered }) => offered),
      [false, true, false, false],
    )
  })
}

test.serial('strict peer: bursts to a peer without tickets do full handshakes', async t => {
  // On a busy machine the peer would seem too slow to wait for.
  t.teardown(withoutClock())
  const peer = await startPeer(t, '--tickets', '0', '--version', '1.3')
  const options = { ...optionsFor(peer), coalesce: true }
  const burst = () => Promise.all(Array.from({ length: 6 }, () => finish(connect(options))))
  const waited: boolean[] = []
  const hear = (message: unknown) => {
    const { peer: to, waited: did } = message as ClientMessage
    if (to.endsWith(`:${peer.port}`)) waited.push(did)
  }
  subscribe('tls-resumption:client', hear)
  t.teardown(() => unsubscribe('tls-resumption:client', hear))
  t.deepEqual(await burst(), Array(6).fill(FULL))
  t.is(waited.filter(Boolean).length, 5)
  t.deepEqual(await burst(), Array(6).fill(FULL))
  t.is(waited.filter(Boolean).length, 5, 'and not again')
})

test('strict peer: TLS 1.2 session IDs of another library resume', async t => {
  const peer = await startPeer(t, '--version', '1.2', '--ids')
  const options = optionsFor(peer)
  t.deepEqual(await inTurn(4, () => finish(connect(options))), [FULL, RESUMED, RESUMED, RESUMED])
  const said = await peer.hears(4)
  t.deepEqual(
    said.map(({ kind }) => kind),
    ['Full', 'Resumed', 'Resumed', 'Resumed'],
  )
})

test('strict peer: a caller that ends after secureConnect receives the tickets', async t => {
  const peer = await startPeer(t)
  const options = optionsFor(peer, new SessionCache({ singleUse: true }))
  const end = async () => {
    const socket: tls.TLSSocket = connect(options, () => socket.end('bye'))
    return finish(socket)
  }
  t.deepEqual(await inTurn(4, end), [FULL, RESUMED, RESUMED, RESUMED])
})

for (const how of ['https', 'fetch']) {
  test(`strict peer: ${how} offers no ticket twice, unlike the library's own cache`, async t => {
    const peer = await startPeer(t, '--http')
    const directory = await mkdtemp(join(tmpdir(), 'tls-resumption-'))
    t.teardown(() => rm(directory, { recursive: true }))
    const NODE_EXTRA_CA_CERTS = join(directory, 'ca.pem')
    await writeFile(NODE_EXTRA_CA_CERTS, peer.ca)
    const run = (...flags: string[]) =>
      runProgramIn(
        { NODE_EXTRA_CA_CERTS, TLS_RESUMPTION_SINGLE_USE: 'true' },
        flags,
        'requests.mjs',
        how,
        String(peer.port),
        '9',
      )
    const isWasted = ({ offered, kind }: Said) => offered === true && kind === 'Full'

    t.like(await run(), { code: 0, stdout: '!!!!!!!!!\n' })
    const plain = (await peer.hears(9)).splice(0)
    // On newer versions fetch keeps no sessions.
    if (how === 'https') t.true(plain.some(isWasted), 'Node alone')

    t.like(await run('--import', 'tls-resumption/auto'), { code: 0, stdout: '!!!!!!!!!\n' })
    const ours = await peer.hears(9)
    t.false(ours.some(isWasted))
    t.true(ours.some(({ kind }) => kind === 'Resumed'))
  })
}
