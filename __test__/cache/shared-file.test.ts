/** Processes that share a cache in a file, with real handshakes. */
import { mkdirSync, rmdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import tls from 'node:tls'
import test, { type ExecutionContext } from 'ava'
import { SessionCache } from 'tls-resumption'
import { SessionCache as BuiltCache, handleOf } from '../../dist/cache/session-cache.js'
import { native } from '../../dist/native/addon.js'
import { createAuthority } from '../../fixtures/certificates.ts'
import { startServer, type TestServer } from '../support/server.ts'
import { hasSharedFiles, pathOnTmpfs, startSharing } from '../support/shared-file.ts'
import { startPeer } from '../support/strict-peer.ts'
import { runNode } from '../workers/spawn.ts'

const linuxTest = hasSharedFiles ? test : test.skip

function startServers(t: ExecutionContext, count: number): Promise<TestServer[]> {
  return Promise.all(Array.from({ length: count }, () => startServer(t)))
}

for (const maxVersion of ['TLSv1.2', 'TLSv1.3'] as const) {
  linuxTest(`${maxVersion}: a process resumes the session of another one that was killed`, async t => {
    const { port, ca, handshakes } = await startServer(t, { maxVersion })
    const path = pathOnTmpfs(t)
    const first = await startSharing(t, { path, ca })
    t.like((await first.connect([port]))[0], { resumed: false, authorized: true })
    await first.kill()
    const second = await startSharing(t, { path, ca })
    t.like((await second.connect([port]))[0], { resumed: true, authorized: true })
    t.deepEqual(handshakes, { full: 1, resumed: 1 })
  })
}

linuxTest(
  'cache in a file: processes and threads make one full handshake for each endpoint, none after a restart',
  async t => {
    t.timeout(180_000)
    const servers = await startServers(t, 3)
    const [{ ca }] = servers as [TestServer]
    const ports = servers.map(({ port }) => port)
    const full = () => servers.reduce((sum, { handshakes }) => sum + handshakes.full, 0)
    const start = (path: string) => Promise.all([1, 2].map(() => startSharing(t, { path, ca, threads: 2 })))

    let path = ''
    // A follower waits for 100 ms on loopback. On a busy machine a full handshake may take longer.
    for (let attempt = 0; attempt < 5; attempt++) {
      path = pathOnTmpfs(t)
      const before = full()
      const processes = await start(path)
      const outcomes = (await Promise.all(processes.map(each => each.connect(ports, { times: 2 })))).flat()
      t.is(outcomes.length, 2 * 2 * 3 * 2)
      t.true(outcomes.every(({ refused }) => refused === undefined))
      t.is((await processes[0]?.stats())?.file?.processes, 2)
      await Promise.all(processes.map(each => each.kill()))
      if (full() - before === ports.length) break
      if (attempt === 4) t.is(full() - before, ports.length, 'cold')
    }

    const before = full()
    for (const each of await start(path)) {
      t.true((await each.connect(ports)).every(({ resumed, authorized }) => resumed && authorized))
    }
    t.is(full(), before, 'after all were killed')
  },
)

linuxTest('cache in a file: a session under an identity token stays in the process', async t => {
  const { port, ca, handshakes } = await startServer(t)
  const path = pathOnTmpfs(t)
  const [one, two] = await Promise.all([1, 2].map(() => startSharing(t, { path, ca })))
  const hasOwnCheck = true
  t.false((await one?.connect([port], { hasOwnCheck }))?.[0]?.resumed)
  t.true((await one?.connect([port], { hasOwnCheck }))?.[0]?.resumed, 'in the cache of its process')
  t.false((await two?.connect([port], { hasOwnCheck }))?.[0]?.resumed)
  t.is((await one?.stats())?.size, 0, 'none of them is in the file')
  t.deepEqual(handshakes, { full: 2, resumed: 1 })
})

linuxTest('cache in a file: purge reaches every process, and stays in force after restarts', async t => {
  const { port, ca } = await startServer(t)
  const path = pathOnTmpfs(t)
  const start = () => startSharing(t, { path, ca })
  const [one, two] = await Promise.all([start(), start()])
  await one.connect([port])
  t.true((await two.connect([port]))[0]?.resumed)
  await one.purge('localhost')
  t.false((await two.connect([port]))[0]?.resumed, 'in another process')
  t.true((await one.connect([port]))[0]?.resumed, 'the next session is shared again')
  await two.purge('localhost')
  await Promise.all([one.kill(), two.kill()])
  t.false((await (await start()).connect([port]))[0]?.resumed, 'in one that starts later')
})

linuxTest('cache in a file: purge reaches the sessions that stay in a process', async t => {
  const { port, ca } = await startServer(t)
  const path = pathOnTmpfs(t)
  const [one, two] = await Promise.all([1, 2].map(() => startSharing(t, { path, ca })))
  const isResumed = async () => (await one?.connect([port], { hasOwnCheck: true }))?.[0]?.resumed
  t.false(await isResumed())
  t.true(await isResumed())
  await two?.purge('localhost')
  t.false(await isResumed(), 'purged by another process')
  t.true(await isResumed())
  await one?.purge('localhost')
  t.false(await isResumed(), 'purged by its own process')
})

linuxTest('cache in a file: purge holds in the process without a usable file', async t => {
  const { port, ca } = await startServer(t)
  const path = pathOnTmpfs(t)
  const one = await startSharing(t, { path, ca })
  for (const file of [path, `${path}.v2`]) rmSync(file)
  mkdirSync(path)
  await new Promise(resolve => setTimeout(resolve, 1100))
  const isResumed = async () => (await one.connect([port], { hasOwnCheck: true }))[0]?.resumed
  t.false(await isResumed())
  t.true(await isResumed())
  await one.purge('localhost')
  t.false(await isResumed())
})

linuxTest('cache in a file: processes follow a path that is removed and made again', async t => {
  const { port, ca } = await startServer(t)
  const path = pathOnTmpfs(t)
  const [one, two] = await Promise.all([startSharing(t, { path, ca }), startSharing(t, { path, ca })])
  await one.connect([port])
  for (const file of [path, `${path}.v2`]) rmSync(file)
  await new Promise(resolve => setTimeout(resolve, 1100))
  t.false((await two.connect([port]))[0]?.resumed, 'the sessions were in the earlier file')
  t.true((await one.connect([port]))[0]?.resumed)
  // A purge looks at the path first: the other process may have the new file already.
  for (const file of [path, `${path}.v2`]) rmSync(file)
  await new Promise(resolve => setTimeout(resolve, 1100))
  await one.connect([port])
  await two.purge('localhost')
  t.false((await one.connect([port]))[0]?.resumed)
})

linuxTest('cache in a file: the count of purges changes with each change of the file', async t => {
  const path = pathOnTmpfs(t)
  const cache = new BuiltCache({ path })
  const purges = () => native.purges(handleOf(cache))
  const counts = [purges()]
  for (const change of [() => mkdirSync(path), () => rmdirSync(path)]) {
    for (const file of [path, `${path}.v2`])
      if (statSync(file, { throwIfNoEntry: false })?.isFile()) rmSync(file)
    change()
    await new Promise(resolve => setTimeout(resolve, 1100))
    counts.push(purges())
  }
  t.deepEqual(counts, [0, 1, 2])
})

linuxTest('cache in a file: SIGBUS from another process ends it as with Node alone', async t => {
  for (const path of [undefined, pathOnTmpfs(t)]) {
    const code = `
      const { SessionCache } = require('tls-resumption')
      globalThis.cache = new SessionCache(${JSON.stringify({ path })})
      setTimeout(() => console.log('alive'), 1000)
      process.kill(process.pid, 'SIGBUS')`
    t.like(await runNode(['-e', code]), { signal: 'SIGBUS', stdout: '' }, `path: ${path}`)
  }
})

linuxTest('cache in a file: another content of OPENSSL_CONF means a full handshake', async t => {
  const { port, ca } = await startServer(t)
  const path = pathOnTmpfs(t)
  const conf = `${path}.cnf`
  writeFileSync(conf, '# one')
  // A younger one may have been changed after the start of a process.
  await new Promise(resolve => setTimeout(resolve, 1100))
  const start = () => startSharing(t, { path, ca }, [], { ...process.env, OPENSSL_CONF: conf })
  await (await start()).connect([port])
  t.true((await (await start()).connect([port]))[0]?.resumed)
  writeFileSync(conf, '# two')
  await new Promise(resolve => setTimeout(resolve, 1100))
  t.false((await (await start()).connect([port]))[0]?.resumed)
})

linuxTest('cache in a file: options that contradict the file are an error that names both', t => {
  const path = pathOnTmpfs(t)
  const cache = new SessionCache({ path, max: 100 })
  t.is(cache.path, path)
  for (const [options, message] of [
    [{ max: 200 }, /max 100.*max 200/],
    [{ singleUse: true }, /singleUse false.*singleUse true/],
    [{ serves: 'servers' }, /clients.*servers/],
    [{ maxSession: 4096 }, /maxSession 16384.*maxSession 4096/],
  ] as const) {
    const error = t.throws(() => new SessionCache({ path, ...options }), {
      code: 'ERR_TLS_RESUMPTION_NAME_CONFLICT',
    })
    t.regex(error.message, message)
    t.regex(error.message, /tls-resumption cache .* --remove/)
  }
  t.notThrows(() => new SessionCache({ path }))
})

linuxTest(
  'cache in a file: options of other caches do not go with a path, nor its options without one',
  t => {
    const path = pathOnTmpfs(t)
    for (const options of [{ name: 'x' }, { maxSize: 1 }, { sweepInterval: 1 }, { ticketsPerPeer: 1 }]) {
      t.throws(() => new SessionCache({ path, ...options }), { code: 'ERR_INVALID_ARG_TYPE' })
    }
    for (const options of [{ serves: 'clients' as const }, { maxSession: 2000 }]) {
      t.throws(() => new SessionCache(options), { code: 'ERR_INVALID_ARG_TYPE' })
    }
    t.throws(() => new SessionCache({ path, serves: 'all' as 'clients' }), { code: 'ERR_INVALID_ARG_TYPE' })
    t.throws(() => new SessionCache({ path: 'a\0b' }), { code: 'ERR_INVALID_ARG_TYPE' })
    t.throws(() => new SessionCache({ path: '' }), { code: 'ERR_OUT_OF_RANGE' })
  },
)

linuxTest('cache in a file: what one object stores another one reads, also after disposal', t => {
  const path = pathOnTmpfs(t)
  const one = new SessionCache({ path })
  one.set('key', Buffer.from('a session'))
  t.is(new SessionCache({ path }).get('key')?.toString(), 'a session')
  one[Symbol.dispose]()
  const later = new SessionCache({ path })
  t.is(later.get('key')?.toString(), 'a session')
  t.like(later.stats(), { size: 1, file: { processes: 1, damaged: 0, noSpace: 0 } })
  t.is(later.delete('key'), 1)
})

for (const version of ['1.2', '1.3']) {
  linuxTest(
    `TLS ${version}: cache in a file: a peer that hangs on offers hangs one of ten killed processes`,
    async t => {
      t.timeout(300_000)
      const peer = await startPeer(t, '--version', version, '--when-offered', 'hang')
      const path = pathOnTmpfs(t)
      for (let restart = 0; restart < 10; restart++) {
        const child = await startSharing(t, { path, ca: peer.ca })
        // The supervisor waits for longer than the process takes to notice that the peer does not answer.
        const isHanging = child.connect([peer.port]).then(() => false)
        await Promise.race([isHanging, new Promise(resolve => setTimeout(resolve, 3000).unref())])
        await child.kill()
      }
      const hangs = peer.said.filter(({ did }) => did === 'hang').length
      t.is(hangs, 1, JSON.stringify(peer.said))
      t.is(peer.said.filter(({ kind }) => kind === 'Full').length, 9)
    },
  )
}

linuxTest(
  'cache in a file: a session whose process was killed during the offer is not offered again',
  async t => {
    const peer = await startPeer(t, '--version', '1.2', '--when-offered', 'hang')
    const path = pathOnTmpfs(t)
    const first = await startSharing(t, { path, ca: peer.ca })
    await first.connect([peer.port])
    // Killed at once: it has noticed nothing, so that only the mark of the session is left.
    void first.connect([peer.port])
    await peer.hears(2)
    await first.kill()
    const second = await startSharing(t, { path, ca: peer.ca })
    t.like((await second.connect([peer.port]))[0], { resumed: false, refused: undefined })
    t.is((await second.stats()).file?.poisoned, 1)
  },
)

linuxTest(
  'cache in a file: sessions that rely on default CAs are shared only while their content is the same',
  async t => {
    const { port, ca } = await startServer(t)
    const { cert: otherCa } = await createAuthority({ algorithm: 'ecdsa', name: 'Other authority' })
    const path = pathOnTmpfs(t)
    const extra = `${path}.pem`
    writeFileSync(extra, ca)
    const visit = async () => {
      const env = { ...process.env, NODE_EXTRA_CA_CERTS: extra }
      const [outcome] = await (await startSharing(t, { path }, [], env)).connect([port])
      t.true(outcome?.authorized, outcome?.refused)
      return outcome?.resumed
    }
    t.false(await visit())
    // Before Node.js 22.15 the content is not known, so that nothing is shared.
    t.is(await visit(), 'getCACertificates' in tls)
    writeFileSync(extra, `${ca}\n${otherCa}`)
    t.false(await visit())
  },
)
