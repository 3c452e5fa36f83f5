/** Edge servers whose clients come back: this package, Node alone, and Node behind nginx and HAProxy. */
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Authority, Identity } from '../../../fixtures/certificates.ts'
import { checkPlain } from '../../lib/plain.ts'
import type { ResultTable } from '../../lib/result.ts'
import { median } from '../../lib/statistics.ts'
import type { Request as ClientRequest, Visits, Which } from './clients.ts'
import { type StartProxy, startHaproxy, startNginx, type TlsProxy } from './proxies.ts'
import type { How, Request as ServerRequest } from './server.ts'

interface Edge {
  name: string
  how: How
  proxy?: { key: string; start: StartProxy }
}

const EDGES: readonly Edge[] = [
  { name: 'Node alone', how: 'alone' },
  { name: 'tls-resumption', how: 'ours' },
  { name: 'nginx, Node alone behind it', how: 'behind', proxy: { key: 'nginx', start: startNginx } },
  { name: 'HAProxy, Node alone behind it', how: 'behind', proxy: { key: 'haproxy', start: startHaproxy } },
]

const AGAIN: readonly Which[] = ['ids', 'tickets', 'both']
const PHASES: Record<Which, string> = {
  ids: 'again, TLS 1.2, session IDs',
  tickets: 'again, TLS 1.3, tickets',
  both: 'again, half each',
}

export interface EdgeFigures {
  edge: string
  phase: string
  /** Percent. */
  resumed: number
  /** Microseconds of CPU for each visit, of the server and of the proxy in front of it. */
  cpu: number
  /** Milliseconds. */
  p50: number
  p99: number
}

export async function edges(
  authority: Authority,
  clients: number,
  say: (what: string) => void,
): Promise<{ edges: EdgeFigures[]; versions: Record<string, string> }> {
  const identity = await authority.issue({ usage: 'server', commonName: 'localhost' })
  const figures: EdgeFigures[] = []
  const versions: Record<string, string> = {}
  for (const edge of EDGES) {
    say(`${clients.toLocaleString('en')} clients, ${edge.name}`)
    const folder = mkdtempSync(join(tmpdir(), 'tls-resumption-'))
    try {
      const { seen, version } = await measure(edge, folder, authority.cert, identity, clients)
      figures.push(...seen)
      if (edge.proxy && version) versions[edge.proxy.key] = version
    } finally {
      rmSync(folder, { recursive: true })
    }
  }
  return { edges: figures, versions }
}

async function measure(edge: Edge, folder: string, ca: string, identity: Identity, clients: number) {
  const server = fork(new URL('./server.ts', import.meta.url))
  const visitors = fork(new URL('./clients.ts', import.meta.url))
  let proxy: TlsProxy | undefined
  try {
    const own = await ask<number>(server, { how: edge.how, identity, sessions: clients })
    proxy = await edge.proxy?.start(folder, identity, own)
    const pids = [server.pid ?? 0, ...(proxy?.pids ?? [])]
    await ask(visitors, { start: { clients, ca, port: proxy?.port ?? own } })
    const visit = async (phase: string, which: Which, times: number): Promise<EdgeFigures> => {
      const before = cpuOf(pids)
      const { latencies, resumed } = await ask<Visits>(visitors, { visit: which, times })
      const cpu = (cpuOf(pids) - before) / times
      latencies.sort((a, b) => a - b)
      return {
        edge: edge.name,
        phase,
        resumed: (100 * resumed) / times,
        cpu,
        p50: median(latencies),
        p99: latencies[Math.floor(times * 0.99)] ?? Number.NaN,
      }
    }
    const seen = [await visit('first', 'both', clients)]
    for (const which of AGAIN) seen.push(await visit(PHASES[which], which, clients / 2))
    const files = await ask<string[]>(server, { loaded: true })
    if (edge.how !== 'ours') checkPlain(edge.name, files)
    else if (!files.some(file => file.endsWith('.node'))) throw new Error('no addon was loaded')
    return { seen, version: proxy?.version }
  } finally {
    await proxy?.close()
    server.disconnect()
    visitors.disconnect()
  }
}

async function ask<Answer>(child: ChildProcess, request: ServerRequest | ClientRequest): Promise<Answer> {
  const answer = once(child, 'message')
  child.send(request)
  const [message] = await answer
  return message as Answer
}

/** Returns the microseconds of CPU that processes have used, with all their threads. A tick of Linux is 10 ms. */
function cpuOf(pids: readonly number[]): number {
  return pids.reduce((sum, pid) => {
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? []
    return sum + 10_000 * (Number(fields[11]) + Number(fields[12]))
  }, 0)
}

export function edgeTable(figures: readonly EdgeFigures[], clients: number): ResultTable {
  return {
    id: 'edge',
    title: `An edge server whose ${clients.toLocaleString('en')} clients come back`,
    columns: [
      { title: 'server' },
      { title: 'visit' },
      { title: 'resumed', unit: '%', digits: 1 },
      { title: 'CPU of the server', unit: 'µs a visit', digits: 0 },
      { title: 'p50', unit: 'ms', digits: 1 },
      { title: 'p99', unit: 'ms', digits: 1 },
    ],
    rows: figures.map(({ edge, phase, resumed, cpu, p50, p99 }) => [edge, phase, resumed, cpu, p50, p99]),
    samples: `each of ${clients.toLocaleString('en')} clients once, then half as many visits of each way, 16 at a time`,
    remark: `Half of the clients have TLS 1.2 and only session IDs, half have TLS 1.3. Each visit is a connection with one
request. One process with one thread serves, with an RSA certificate. Behind a proxy, its CPU and that of the process
without TLS are added.`,
  }
}
