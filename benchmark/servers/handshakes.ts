/** What a handshake costs a server, full and resumed, by whom it is resumed. */

import type { Pki } from '../clients/pki.ts'
import { type Estimate, estimate, median } from '../clients/statistics.ts'
import { type Kind, kinds, labelOf, type Mode, modesOf } from './kinds.ts'
import { Client } from './load.ts'
import { nginxVersion, startNginx } from './nginx.ts'
import { type Servers, startNode } from './process.ts'

export interface HandshakeFigures {
  kind: string
  rows: {
    mode: string
    /** Microseconds of the server a handshake, median of the rounds. */
    serverCpu: number
    /** Of a full handshake of Node alone in the same round. */
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

const AT_ONCE = 16

export async function handshakes(
  pki: Pki,
  { rounds, connections }: { rounds: number; connections: number },
  say: (what: string) => void,
): Promise<HandshakeFigures[]> {
  const started = new Map<Mode, Servers>()
  const figures: HandshakeFigures[] = []
  try {
    for (const mode of ['Node alone', 'tls-session-cache', 'tls-resumption', 'nginx'] as const) {
      const listen = kinds.map(kind => ({ kind, mode, ca: pki.ca(kind), identity: pki.server(kind) }))
      if (mode !== 'nginx') started.set(mode, await startNode(listen))
      else if (nginxVersion()) started.set(mode, await startNginx(listen))
    }
    for (const [index, kind] of kinds.entries()) {
      say(labelOf(kind))
      figures.push(await compare(pki, kind, index, started, { rounds, connections }))
    }
  } finally {
    for (const servers of started.values()) await servers.close()
  }
  return figures
}

async function compare(
  pki: Pki,
  kind: Kind,
  index: number,
  started: Map<Mode, Servers>,
  { rounds, connections }: { rounds: number; connections: number },
): Promise<HandshakeFigures> {
  const rowOf = (mode: Mode, resumes: boolean): Row[] => {
    const servers = started.get(mode)
    if (servers === undefined) return []
    const client = new Client(pki.options(kind, servers.ports[index] as number), resumes)
    return [{ mode: resumes ? mode : `${mode}, full`, client, servers, rounds: [] }]
  }
  const rows = [
    ...rowOf('Node alone', false),
    ...rowOf('tls-resumption', false),
    ...modesOf(kind).flatMap(mode => rowOf(mode, true)),
  ]
  for (const { client } of rows) await client.load(AT_ONCE, 1)
  for (let round = 0; round < rounds; round++) {
    // Another order each time, so that none always comes behind the same one.
    for (let step = 0; step < rows.length; step++) await measure(rows[(step + round) % rows.length] as Row)
  }
  const [alone] = rows
  return {
    kind: labelOf(kind),
    rows: rows.map(row => ({
      mode: row.mode,
      serverCpu: median(row.rounds.map(({ cpu }) => cpu)),
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
