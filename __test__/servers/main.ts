/**
 * `npm run test:servers [-- NAME …] [--record]`: starts real servers on loopback, one after the other, and lets
 * real drivers connect again and again; see `scripts/test-servers.mjs`.
 */
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { createAuthority } from '../../fixtures/certificates.ts'
import { provide } from './debian.ts'
import { drivers, versionOfDriver } from './drivers.ts'
import { fault, inShort, resultOf } from './judge.ts'
import { cassandra, cassandraJsse } from './real/cassandra.ts'
import { kafka } from './real/kafka.ts'
import { mariadb } from './real/mariadb.ts'
import { mongodb } from './real/mongodb.ts'
import { mosquitto } from './real/mosquitto.ts'
import { nginx } from './real/nginx.ts'
import { postgres } from './real/postgres.ts'
import { rabbitmq } from './real/rabbitmq.ts'
import { redis } from './real/redis.ts'
import { type Entry, record, recorded } from './record.ts'
import { Relay } from './relay.ts'
import { type Protocol, type RealServer, Site } from './site.ts'
import { writeTable } from './table.ts'
import { attempt, type How } from './trial.ts'

const servers: Readonly<Record<string, RealServer>> = {
  redis,
  nginx,
  mariadb,
  postgres,
  mosquitto,
  rabbitmq,
  cassandra,
  'cassandra-jsse': cassandraJsse,
  kafka,
  mongodb,
}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { record: { type: 'boolean' }, driver: { type: 'string', multiple: true } },
})
const names = positionals.length > 0 ? positionals : Object.keys(servers)
const unknown = names.filter(name => !(name in servers))
if (unknown.length > 0) {
  process.stderr.write(
    `no such server: ${unknown.join(', ')}; there are ${Object.keys(servers).join(', ')}\n`,
  )
  process.exit(2)
}
for (const [signal, code] of [
  ['SIGINT', 130],
  ['SIGTERM', 143],
  ['SIGHUP', 129],
] as const) {
  process.on(signal, () => process.exit(code))
}

const directory = mkdtempSync(join(tmpdir(), 'tls-servers-'))
// Servers run as another user, and have directories of their own below.
chmodSync(directory, 0o711)
process.on('exit', () => rmSync(directory, { recursive: true, force: true }))

const authority = await createAuthority({ algorithm: 'rsa' })
const identities = {
  server: await authority.issue({ usage: 'server', commonName: 'localhost' }),
  client: await authority.issue({ usage: 'client', commonName: 'tester' }),
}
const entries: Entry[] = []
let passed = 0
let failed = 0
for (const name of names) {
  const server = servers[name]
  if (server) await withServer(name, server)
}
if (values.record) {
  record(entries)
  writeTable(recorded())
}
process.stdout.write(`\n${passed} passed, ${failed} failed\n`)
process.exit(failed === 0 ? 0 : 1)

async function withServer(name: string, server: RealServer): Promise<void> {
  const relay = await Relay.listen()
  let site: Site | undefined
  try {
    for (const [program, packages] of Object.entries(server.programs)) await provide(program, packages)
    mkdirSync(join(directory, name))
    site = new Site(join(directory, name), relay, authority, identities.server, identities.client)
    const running = await server.start(site)
    process.stdout.write(`\n${server.name} ${running.version}, Node ${process.versions.node}\n`)
    for (const driver of server.drivers.filter(driver => values.driver?.includes(driver) ?? true)) {
      for (const protocol of server.protocols ?? (['TLSv1.2', 'TLSv1.3'] as const)) {
        for (const how of waysOf(driver)) await tried(server, site, running, { driver, protocol, how })
      }
    }
  } catch (error) {
    failed++
    process.stdout.write(`  ✘ ${server.name}: ${error instanceof Error ? error.message : error}\n`)
  } finally {
    await site?.stop()
    relay.close()
  }
}

function waysOf(driver: string): How[] {
  const ways: Record<How, boolean> = {
    off: true,
    auto: './auto' in JSON.parse(readFileSync('package.json', 'utf8')).exports,
    option: drivers[driver]?.option !== undefined,
  }
  return (Object.keys(ways) as How[]).filter(how => ways[how])
}

async function tried(
  server: RealServer,
  site: Site,
  running: Awaited<ReturnType<RealServer['start']>>,
  trial: { driver: string; protocol: Protocol; how: How },
): Promise<void> {
  const driver = drivers[trial.driver] ?? { title: trial.driver }
  const title = `${driver.title} ${versionOfDriver(driver)} · ${trial.protocol} · ${trial.how}`
  try {
    const seen = await attempt(trial, site, running)
    const wrong = fault(trial, server, seen)
    process.stdout.write(`  ${wrong ? '✘' : '✔'} ${title} · ${inShort(seen)}${wrong ? ` · ${wrong}` : ''}\n`)
    if (wrong) failed++
    else passed++
    entries.push({
      server: server.name,
      serverVersion: running.version,
      driver: driver.title,
      driverVersion: versionOfDriver(driver),
      node: process.versions.node,
      protocol: trial.protocol,
      how: trial.how,
      ...(trial.how === 'option' && driver.option ? { option: driver.option } : {}),
      visits: inShort(seen),
      ...resultOf(seen),
    })
  } catch (error) {
    failed++
    process.stdout.write(`  ✘ ${title} · ${error instanceof Error ? error.message : error}\n`)
  }
}
