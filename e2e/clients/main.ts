/** `npm run test:interop [-- NAME … --record]`: see `scripts/test/clients.mjs`. */
import { randomBytes } from 'node:crypto'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { type Scope, startStore } from '../../__test__/support/store.ts'
import { createAuthority } from '../../fixtures/certificates.ts'
import { provide } from '../drivers/debian.ts'
import { Relay } from '../drivers/relay.ts'
import type { Client, Target } from './client.ts'
import { chromium } from './clients/chromium.ts'
import { curl } from './clients/curl.ts'
import { gnutls } from './clients/gnutls.ts'
import { openssl } from './clients/openssl.ts'
import { go, java, python, rustls } from './clients/programs.ts'
import { type Host, startHost } from './hosts.ts'
import { type Evidence, fault, inShort } from './judge.ts'
import { type Front, fronts, type Kind, kinds, labelOf, placements } from './kinds.ts'
import { type Entry, record, recorded } from './record.ts'
import { startRotatingHosts, tryRotation } from './rotation.ts'
import { writeTable } from './table.ts'

const clients: Readonly<Record<string, Client>> = {
  openssl,
  gnutls,
  curl,
  go,
  python,
  rustls,
  java,
  chromium,
}
const VISITS = 6
/** The clients that are tried while keys rotate. The others connect at a pace of their own. */
const TRIED_WITH_ROTATION = ['openssl', 'curl', 'go', 'python', 'rustls', 'java']

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { record: { type: 'boolean' } },
})
const names = positionals.length > 0 ? positionals.flatMap(name => name.split(',')) : Object.keys(clients)
const unknown = names.filter(name => !(name in clients))
if (unknown.length > 0) {
  process.stderr.write(
    `no such client: ${unknown.join(', ')}; there are ${Object.keys(clients).join(', ')}\n`,
  )
  process.exit(2)
}

const directory = mkdtempSync(join(tmpdir(), 'tls-resumption-interop-'))
process.on('exit', () => rmSync(directory, { recursive: true, force: true }))
for (const [signal, code] of [
  ['SIGINT', 130],
  ['SIGTERM', 143],
] as const) {
  process.on(signal, () => process.exit(code))
}

const ends: (() => unknown)[] = []
const scope: Scope = { teardown: end => ends.push(end) }
const entries: Entry[] = []
let passed = 0
let failed = 0
let trials = 0

try {
  await run()
} finally {
  for (const end of ends.reverse()) await end()
}
if (values.record) {
  record(entries)
  writeTable(recorded())
}
process.stdout.write(`\n${passed} passed, ${failed} failed\n`)
process.exit(failed === 0 ? 0 : 1)

async function run(): Promise<void> {
  const authority = await createAuthority({ algorithm: 'ecdsa' })
  const ca = join(directory, 'ca.pem')
  writeFileSync(ca, authority.cert)
  const { cert, key } = await authority.issue({ usage: 'server', commonName: 'localhost' })
  await provide('redis-server', ['redis-server'])
  const store = { port: (await startStore(scope)).port, sealing: randomBytes(32).toString('base64') }
  const identity = { cert: `${cert}\n${authority.cert}`, key }
  const hosts = await Promise.all(
    placements.map(placement => startHost(scope, { placement, identity, visits: VISITS, store })),
  )
  const relay = await Relay.listen()
  scope.teardown(() => relay.close())
  const rotating = await startRotatingHosts(scope, identity)
  for (const name of names) {
    const client = clients[name] as Client
    const isTried = await tryClient(client, hosts, relay, ca)
    if (!isTried || !TRIED_WITH_ROTATION.includes(name)) continue
    const counts = await tryRotation(client, rotating, relay, ca, directory)
    passed += counts.passed
    failed += counts.failed
  }
}

/** Returns false if the client cannot be run. */
async function tryClient(client: Client, hosts: readonly Host[], relay: Relay, ca: string): Promise<boolean> {
  try {
    for (const [program, packages] of Object.entries(client.programs)) await provide(program, packages)
    const version = await client.version()
    process.stdout.write(`\n${client.title} ${version}, Node ${process.versions.node}\n`)
    for (const front of client.fronts ?? ['https']) {
      for (const kind of kinds) {
        for (const host of hosts) await tried({ client, version, front, kind, host }, relay, ca)
      }
    }
    return true
  } catch (error) {
    failed++
    process.stdout.write(`  ✘ ${client.title}: ${error instanceof Error ? error.message : error}\n`)
    return false
  }
}

interface Trial {
  client: Client
  version: string
  front: Front
  kind: Kind
  host: Host
}

async function tried({ client, version, front, kind, host }: Trial, relay: Relay, ca: string): Promise<void> {
  const title = [front, labelOf(kind), host.placement].join(' · ')
  const index = fronts.indexOf(front) * kinds.length + kinds.indexOf(kind)
  relay.to(host.ports.map(ports => ports[index] ?? 0))
  const own = join(directory, `${trials++}`)
  mkdirSync(own)
  host.told.length = 0
  try {
    const target = {
      port: relay.port,
      front,
      kind,
      visits: VISITS,
      ca,
      directory: own,
      isDone: host.hears('/done'),
    }
    const evidence = await attempt(client, target, host, relay)
    const wrong = fault(client, kind, evidence)
    const connections = inShort(evidence)
    const never = client.never?.(kind)
    process.stdout.write(
      `  ${wrong ? '✘' : '✔'} ${[title, connections, never, wrong].filter(Boolean).join(' · ')}\n`,
    )
    if (wrong) failed++
    else passed++
    const certificates = evidence.client.at(-1)?.chain?.length
    entries.push({
      client: client.title,
      clientVersion: version,
      node: process.versions.node,
      front,
      ...kind,
      placement: host.placement,
      connections,
      ...(never ? { never } : {}),
      ...(certificates ? { certificates } : {}),
    })
  } catch (error) {
    failed++
    process.stdout.write(`  ✘ ${title} · ${error instanceof Error ? error.message : error}\n`)
  }
}

async function attempt(client: Client, target: Target, host: Host, relay: Relay): Promise<Evidence> {
  const visit = await client.visit(target).catch((error: Error) => error)
  const wire = await relay.take(10_000)
  if (visit instanceof Error) throw visit
  // The reports of servers arrive a moment later.
  const deadline = Date.now() + 10_000
  while (host.told.length < wire.length && Date.now() < deadline)
    await new Promise(resolve => setTimeout(resolve, 10))
  return { wire, server: host.told.filter(told => typeof told !== 'string'), client: visit }
}
