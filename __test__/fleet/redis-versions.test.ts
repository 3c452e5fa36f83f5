/** Two hosts on different versions of Node.js, which share session IDs and revocations through a real store. */

import { randomBytes } from 'node:crypto'
import { existsSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { client, fleet, type Host, MECHANISMS, meet, startOn } from '../support/fleet.ts'
import { startStore, until } from '../support/store.ts'
import { testWithStore as test } from '../support/test-with-store.ts'

/** Where `npm test -- --nodes` installs other versions. Without one, both hosts have the same version. */
const nodes = ['26', '24', '22']
  .map(major => `target/nodes/${major}/node_modules/node-${process.platform}-${process.arch}/bin/node`)
  .map(path => join(import.meta.dirname, '..', '..', path))
const another = nodes.find(existsSync) ?? process.execPath

const IDS = MECHANISMS.findIndex(mechanism => mechanism.startsWith('ids'))

test('hosts: a session ID resumes at a host that has made no session yet', async t => {
  const site = await fleet([(await startStore(t)).port], 'ioredis', ['ids'])
  const [one, other] = await Promise.all(
    ['one', 'another'].map(name => startOn(process.execPath, t, site, name)),
  )
  if (!one || !other) return
  const visits = client(site, IDS)
  t.false(await visits(one))
  await until(async () => (await one.report()).stores > 0)
  t.true(await visits(other))
  t.like((await other.report()).handshakes[IDS], { full: 0, resumed: 1 })
})

test('hosts: revokeSessions() of one host ends the sessions of a host on another Node.js', async t => {
  const site = await fleet([(await startStore(t)).port], 'ioredis')
  const one = await startOn(process.execPath, t, site, 'one')
  const other = await startOn(another, t, site, 'another')
  const clients = MECHANISMS.map((_, index) => client(site, index))
  const visitAll = (host: Host) => Promise.all(clients.map(visits => visits(host)))
  // A host that starts hands out no ticket before it knows the revocations.
  for (const host of [one, other]) await until(async () => (await visitAll(host)).every(Boolean))
  await visitAll(other)
  t.deepEqual(await visitAll(other), [true, true, true])
  const revoked = new Promise(resolve =>
    one.process.on('message', said => said === 'revoked' && resolve(said)),
  )
  one.process.send('revoke')
  await revoked
  t.deepEqual(await visitAll(other), [false, false, false], 'none of before')
  t.deepEqual(await visitAll(other), [true, true, true], 'those from then on')
})

for (const way of ['Redis', 'files'] as const) {
  test(`hosts: tickets of a server with an SNICallback resume on another Node.js, by ${way}`, async t => {
    const site = await fleet([(await startStore(t)).port], 'ioredis', ['ring'])
    site.options.hasSniCallback = true
    if (way === 'files') {
      const folder = await mkdtemp(join(tmpdir(), 'tls-resumption-keys-'))
      t.teardown(() => rm(folder, { recursive: true, force: true }))
      await writeFile(join(folder, 'key'), randomBytes(48))
      site.options.files = [join(folder, 'key')]
    }
    const one = await startOn(process.execPath, t, site, 'one')
    const other = await startOn(another, t, site, 'another')
    if (way === 'Redis') await meet(site, [one, other])
    for (const [index, mechanism] of MECHANISMS.entries()) {
      if (index === IDS) continue
      const visits = client(site, index)
      t.deepEqual([await visits(one), await visits(other), await visits(one)], [false, true, true], mechanism)
    }
  })
}
