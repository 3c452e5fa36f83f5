/** Measures what full and resumed handshakes cost a server, for several ways to resume. */
import { inTurns } from '../lib/in-turns.ts'
import type { Pki } from '../lib/pki.ts'
import { checkPlain } from '../lib/plain.ts'
import type { ResultTable } from '../lib/result.ts'
import { type Estimate, estimate, median } from '../lib/statistics.ts'
import { type Kind, kinds, labelOf, type Mode, modesOf } from './kinds.ts'
import { Client } from './load.ts'
import { nginxVersion, startNginx } from './nginx.ts'
import { type Servers, startNode } from './process.ts'

export interface HandshakeFigures {
  kind: string
  rows: {
    mode: string
    /** Microseconds of the server per handshake, in each round. */
    rounds: number[]
    /** Microseconds of the server per handshake. */
    serverCpu: Estimate
    /** Ratio to a full handshake of plain Node in the same round. */
    ratio: Estimate
    perSecond: number
    resumed: number
    full: number
  }[]
}

interface Row {
  mode: string
  client: Client
  servers: Servers
  rounds: { cpu: number; perSecond: number; full: number; resumed: number }[]
}

export interface Effort {
  rounds: number
  connections: number
}

const AT_ONCE = 16
const MODES: readonly Mode[] = ['Node alone', 'bare hooks', 'tls-session-cache', 'tls-resumption', 'nginx']

/** Servers with this number of threads; nginx with as many workers. */
export async function handshakes(
  pki: Pki,
  threads: number,
  effort: Effort,
  say: (what: string) => void,
): Promise<HandshakeFigures[]> {
  const started = new Map<Mode, Servers>()
  const figures: HandshakeFigures[] = []
  try {
    for (const mode of MODES) {
      const listen = kinds.map(kind => ({ kind, mode, ca: pki.ca(kind), identity: pki.server(kind) }))
      if (mode !== 'nginx') started.set(mode, await startNode(listen, threads))
      else if (nginxVersion()) started.set(mode, await startNginx(listen, threads))
    }
    for (const [index, kind] of kinds.entries()) {
      say(`${labelOf(kind)}, ${threads === 1 ? '1 thread' : `${threads} threads`}`)
      figures.push(await compare(pki, kind, index, started, effort))
    }
    await checkPackages(started)
  } finally {
    for (const servers of started.values()) await servers.close()
  }
  return figures
}

/** Only the process of this package may have it loaded: what it does to Node.js would change the others' figures. */
async function checkPackages(started: Map<Mode, Servers>): Promise<void> {
  for (const [mode, servers] of started) {
    const files = await servers.loaded?.()
    if (files === undefined) continue
    const isOurs = files.some(file => file.endsWith('.node'))
    if (mode !== 'tls-resumption')
      checkPlain(mode, files, mode === 'tls-session-cache' ? [mode, 'quick-lru'] : [])
    else if (!isOurs) throw new Error('the addon was not loaded')
  }
}

async function compare(
  pki: Pki,
  kind: Kind,
  index: number,
  started: Map<Mode, Servers>,
  { rounds, connections }: Effort,
): Promise<HandshakeFigures> {
  const rowOf = (mode: Mode, resumes: boolean): Row[] => {
    const servers = started.get(mode)
    if (servers === undefined) return []
    const client = new Client(pki.options(kind, 0), servers.ports[index] ?? [], resumes)
    return [{ mode: resumes ? mode : `${mode}, full`, client, servers, rounds: [] }]
  }
  const rows = [
    ...rowOf('Node alone', false),
    ...rowOf('bare hooks', false),
    ...rowOf('tls-resumption', false),
    ...modesOf(kind).flatMap(mode => rowOf(mode, true)),
  ]
  for (const { client } of rows) await client.load(AT_ONCE, 1)
  await inTurns(rows, rounds, measure)
  const [alone] = rows
  return {
    kind: labelOf(kind),
    rows: rows.map(row => ({
      mode: row.mode,
      rounds: row.rounds.map(({ cpu }) => cpu),
      serverCpu: estimate(row.rounds.map(({ cpu }) => cpu)),
      ratio: estimate(row.rounds.map(({ cpu }, round) => cpu / (alone?.rounds[round]?.cpu ?? Number.NaN))),
      perSecond: median(row.rounds.map(({ perSecond }) => perSecond)),
      resumed: row.rounds.reduce((sum, { resumed }) => sum + resumed, 0),
      full: row.rounds.reduce((sum, { full }) => sum + full, 0),
    })),
  }

  async function measure({ client, servers, rounds: done }: Row): Promise<void> {
    const before = await servers.cpu()
    const { seconds, full, resumed } = await client.load(connections, AT_ONCE)
    const cpu = ((await servers.cpu()) - before) / connections
    done.push({ cpu, perSecond: connections / seconds, full, resumed })
  }
}

export function handshakeTable(
  figures: readonly HandshakeFigures[],
  threads: number,
  { rounds, connections }: Effort,
): ResultTable {
  return {
    id: threads === 1 ? 'handshakes' : 'threads',
    title: `What a handshake costs a server of ${threads === 1 ? 'one thread' : `${threads} threads`}`,
    columns: [
      { title: 'kind' },
      { title: 'server' },
      { title: 'server CPU', unit: 'µs', digits: 0 },
      { title: 'of a full one' },
      { title: 'a second', digits: 0 },
      { title: 'resumed' },
      { title: 'full' },
    ],
    rows: figures.flatMap(({ kind, rows }) =>
      rows.map(({ mode, serverCpu, ratio, perSecond, resumed, full }) => [
        kind,
        mode,
        serverCpu,
        ratio,
        perSecond,
        resumed,
        full,
      ]),
    ),
    samples: `${rounds} interleaved rounds of ${connections} connections, ${AT_ONCE} at once`,
    remark: threads === 1 ? ONE_THREAD : MORE_THREADS,
    ...(threads === 1 ? { chart: { x: 'kind', y: 'server CPU', series: 'server' } } : {}),
  }
}

const ONE_THREAD = `In \`full\` rows the clients offer nothing, in the others they offer their last session. *of a full one* is the
ratio to plain Node in the same round. *a second* is bounded by the client, which runs on the same processors. With ECDSA on
TLS 1.3 a resumption saves a server little, because it does the key exchange anyway (RFC 8446 section 2.2). \`bare hooks\`
is the least code in Node's hooks: a map of session IDs, or a fixed ticket key that gives each client a new ticket when it
resumes. nginx spends less in each row, because it runs no JavaScript for a connection.`

const MORE_THREADS = `Each connection goes to the next thread; nginx has as many workers on one port. Plain Node has no session IDs and
shares no ticket keys between threads. The package in pure JavaScript shares no sessions between them. (Node can have the
same \`ticketKeys\` in each thread, but then they never rotate.)`
