/** `tls-resumption cache FILE`. */
import { existsSync, readdirSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import test from 'ava'
import { SessionCache, TicketKeys } from 'tls-resumption'
import { tlsResumption } from '../support/cli.ts'
import { hasSharedFiles, pathOnTmpfs } from '../support/shared-file.ts'

const linuxTest = hasSharedFiles ? test : test.skip

linuxTest('command cache: it shows counts and processes, and no secret', async t => {
  const path = pathOnTmpfs(t)
  const cache = new SessionCache({ path, max: 100 })
  cache.set('a key', Buffer.from('a secret'))
  const { code, stdout } = await tlsResumption('cache', path)
  t.is(code, 0)
  t.regex(stdout, /sessions +1 of 100 \(8 bytes\)/)
  t.true(stdout.includes(`1 besides this command (${process.pid})`))
  t.notRegex(stdout, /secret|a key/)
  const json = JSON.parse((await tlsResumption('cache', path, '--json')).stdout)
  t.like(json, { path, serves: 'clients', sessions: 1, max: 100, singleUse: false, processes: [process.pid] })
})

linuxTest('command cache: it shows how old the sessions are', async t => {
  const path = pathOnTmpfs(t)
  const cache = new SessionCache({ path })
  t.is(JSON.parse((await tlsResumption('cache', path, '--json')).stdout).ages, null)
  t.notRegex((await tlsResumption('cache', path)).stdout, /stored/)
  const from = Date.now()
  for (let n = 0; n < 5; n++) cache.set(`key ${n}`, Buffer.from('a session'))
  const { ages } = JSON.parse((await tlsResumption('cache', path, '--json')).stdout)
  const all = [0, ages.newestMs, ages.medianMs, ages.oldestMs, Date.now() - from + 20]
  t.deepEqual(
    all,
    all.toSorted((one, other) => one - other),
  )
  t.regex((await tlsResumption('cache', path)).stdout, /stored +newest \d+ s ago, median \d+ s, oldest \d+ s/)
})

linuxTest('command cache: it shows the ticket keys of a ring, without a secret', async t => {
  const path = pathOnTmpfs(t)
  const cache = new SessionCache({ path, serves: 'servers' })
  t.is(JSON.parse((await tlsResumption('cache', path, '--json')).stdout).ring, null, 'it makes none')
  const keys = new TicketKeys({ path, rotateEvery: 3_600_000, keep: 4 })
  keys.rotate()
  const { stdout } = await tlsResumption('cache', path, '--json')
  const { ring, fileSystem } = JSON.parse(stdout)
  t.is(fileSystem, 'tmpfs')
  t.like(ring, { rotateEveryMs: 3_600_000, keep: 4 })
  t.deepEqual(
    ring.keys.map(({ generation }: { generation: number }) => generation),
    [1, 0],
  )
  const next = Date.parse(ring.nextRotation) - Date.now()
  t.true(next > 3_500_000 && next <= 3_600_000, ring.nextRotation)
  const text = (await tlsResumption('cache', path)).stdout
  t.regex(text, /ticket keys +2 of 4, active since \d+ s, \d+ s; rotation every 1 h, next at 2\d{3}-/)
  t.deepEqual(Object.keys(ring.keys[0]), ['generation', 'ageMs'])
  t.is(cache.stats().file?.fileSystem, 'tmpfs')
})

linuxTest(
  'command cache: --remove takes the sessions of other layout versions, and nothing else',
  async t => {
    const path = pathOnTmpfs(t)
    new SessionCache({ path })
    for (const version of [1, 10]) writeFileSync(`${path}.v${version}`, 'tlsresse and its sessions')
    for (const other of [`${path}.v3`, `${path}.v1.txt`, `${path}s.v1`])
      writeFileSync(other, 'of another program')
    const { code, stderr } = await tlsResumption('cache', path, '--remove')
    t.is(code, 0, stderr)
    t.deepEqual(readdirSync(dirname(path)).sort(), ['cache.v1.txt', 'cache.v3', 'caches.v1'])
  },
)

linuxTest('command cache: it purges a host or all, and removes the file', async t => {
  const path = pathOnTmpfs(t)
  const cache = new SessionCache({ path })
  cache.set('key', Buffer.from('a session'))
  t.is((await tlsResumption('cache', path, '--purge', 'db.example')).code, 0)
  t.is((await tlsResumption('cache', '--purge', path)).code, 0)
  t.is(cache.get('key')?.toString(), 'a session', 'a purge changes keys')
  const { code, stdout } = await tlsResumption('cache', path, '--remove')
  t.is(code, 0)
  t.regex(stdout, /Removed/)
  t.false(existsSync(path) || existsSync(`${path}.v2`))
})

linuxTest('command cache: a missing or foreign file, and wrong arguments', async t => {
  const path = pathOnTmpfs(t)
  t.is((await tlsResumption('cache', path)).code, 3)
  t.false(existsSync(path), 'it makes none')
  writeFileSync(path, 'x'.repeat(1000))
  const { code, stderr } = await tlsResumption('cache', path, '--remove')
  t.is(code, 3)
  t.regex(stderr, /no cache of tls-resumption/)
  t.true(existsSync(path))
  t.is((await tlsResumption('cache')).code, 2)
  t.is((await tlsResumption('cache', path, '--unknown')).code, 2)
  t.is((await tlsResumption('cache', path, 'more')).code, 2)
  t.is((await tlsResumption('cache', '--help')).code, 0)
})
