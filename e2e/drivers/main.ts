/**
 * `npm run test:servers [-- NAME …] [--record]`: starts real servers on loopback, one after the other, and runs
 * real drivers that reconnect to them. See `scripts/test/drivers.mjs`.
 */
import { readFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { drivers, versionOfDriver } from './drivers.ts'
import { fault, inShort, resultOf } from './judge.ts'
import { cassandra, cassandraJsse } from './real/cassandra.ts'
import { grpc } from './real/grpc.ts'
import { kafka } from './real/kafka.ts'
import { mariadb } from './real/mariadb.ts'
import { mongodb } from './real/mongodb.ts'
import { mosquitto } from './real/mosquitto.ts'
import { nginx } from './real/nginx.ts'
import { pgbouncer } from './real/pgbouncer.ts'
import { postgres } from './real/postgres.ts'
import { rabbitmq } from './real/rabbitmq.ts'
import { redis } from './real/redis.ts'
import { s3 } from './real/s3.ts'
import { type Entry, record, recorded } from './record.ts'
import type { Protocol, RealServer, Running, Site } from './site.ts'
import { inDocument, tableOf } from './table.ts'
import { attempt, type How } from './trial.ts'
import { chosen, openWorkshop } from './workshop.ts'

const servers: Readonly<Record<string, RealServer>> = {
  redis,
  nginx,
  mariadb,
  postgres,
  pgbouncer,
  mosquitto,
  rabbitmq,
  cassandra,
  'cassandra-jsse': cassandraJsse,
  kafka,
  mongodb,
  grpc,
  s3,
}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { record: { type: 'boolean' }, driver: { type: 'string', multiple: true } },
})
const withSite = await openWorkshop()
const entries: Entry[] = []
let passed = 0
let failed = 0
for (const [name, server] of chosen(servers, positionals)) {
  try {
    await withSite(name, server, (site, running) => withServer(server, site, running))
  } catch (error) {
    failed++
    process.stdout.write(`  ✘ ${server.name}: ${error instanceof Error ? error.message : error}\n`)
  }
}
if (values.record) {
  record(entries)
  inDocument.write(tableOf(recorded()))
}
process.stdout.write(`\n${passed} passed, ${failed} failed\n`)
process.exit(failed === 0 ? 0 : 1)

async function withServer(server: RealServer, site: Site, running: Running): Promise<void> {
  process.stdout.write(`\n${server.name} ${running.version}, Node ${process.versions.node}\n`)
  for (const driver of server.drivers.filter(driver => values.driver?.includes(driver) ?? true)) {
    for (const protocol of server.protocols ?? (['TLSv1.2', 'TLSv1.3'] as const)) {
      for (const how of waysOf(driver)) await tried(server, site, running, { driver, protocol, how })
    }
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
  running: Running,
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
