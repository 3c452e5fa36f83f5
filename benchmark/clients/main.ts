/** `npm run bench:clients`: what reconnecting costs as drivers do it, with and without resumption. */
import { execFileSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import os from 'node:os'
import { parseArgs } from 'node:util'
import Table from 'cli-table3'
import { createProgress } from '../start/progress.ts'
import { BURST, BURST_KIND, bursts } from './burst.ts'
import { fetches } from './fetch.ts'
import { type Kind, labelOf } from './kinds.ts'
import { type OwnCost, ownCost } from './own-cost.ts'
import { Pki } from './pki.ts'
import { type KindFigures, reconnects } from './reconnects.ts'
import { ServerProcess } from './server-process.ts'
import type { Estimate } from './statistics.ts'
import { CONNECTIONS, ENDPOINTS, THREADS, THREADS_KIND, threads } from './threads.ts'

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '20' },
    json: { type: 'string' },
  },
})
const rounds = Number(values.rounds)
if (!Number.isInteger(rounds) || rounds < 1)
  throw new RangeError(`--rounds must be an integer, not ${values.rounds}`)

const progress = createProgress()
progress.phase('making certificates')
const pki = await Pki.create()
const compared = await reconnects(pki, { rounds, inTurn: 16, atOnce: 32 }, progress.phase)
progress.phase(`bursts of ${BURST}`)
const burst = await bursts(pki, rounds)
progress.phase('threads')
const counted = await threads(pki)
progress.phase('fetch')
const fetched = await fetches(pki)
progress.phase('what our own code costs')
const own = await ownCosts()
progress.stop()

process.stdout.write(
  `${comparison(compared)}\n\n${burstTable()}\n\n${threadTable()}\n\n${fetchTable()}\n\n${costs()}\n`,
)
if (values.json) {
  const figures = {
    rounds,
    reconnects: compared,
    bursts: burst,
    threads: counted,
    fetches: fetched,
    ownCosts: own,
  }
  writeFileSync(values.json, `${JSON.stringify({ ...conditions(), ...figures }, null, 2)}\n`)
}

/** Of a connection that resumes, and of one to a peer that hands out sessions and accepts none. */
async function ownCosts(): Promise<(OwnCost & { kind: string; resumes: boolean; fullCpu: number })[]> {
  const server = new ServerProcess()
  const wanted = (['TLSv1.3', 'TLSv1.2'] as const).flatMap(version =>
    [true, false].map(resumes => ({
      kind: { version, algorithm: 'rsa', clientCertificate: true } satisfies Kind,
      resumes,
    })),
  )
  const ports = await server.listen(
    wanted.map(({ kind, resumes }) => ({
      kind,
      ca: pki.ca(kind),
      identity: pki.server(kind),
      forgetful: !resumes,
    })),
  )
  const costs = []
  for (const [index, { kind, resumes }] of wanted.entries()) {
    const cost = await ownCost(pki.options(kind, ports[index] as number), 1500)
    const { full = 0, resumed = 0 } = (await server.report()).counts[index] ?? {}
    if (resumes ? full !== 1 : resumed !== 0)
      throw new Error(`${full} full and ${resumed} resumed handshakes`)
    const label = labelOf(kind)
    costs.push({ ...cost, kind: label, resumes, fullCpu: fullCpu(label) })
  }
  server.close()
  return costs
}

/** Both ends of a full handshake as Node alone does it. */
function fullCpu(kind: string): number {
  const alone = compared.find(figures => figures.kind === kind)?.modes[0]
  if (alone === undefined) throw new RangeError(`${kind} was not measured`)
  return alone.clientCpu + alone.serverCpu
}

function comparison(figures: KindFigures[]): string {
  const table = new Table({
    head: [
      '',
      '',
      'client µs',
      'server µs',
      'both / alone',
      '95 %',
      'latency ms',
      'per s, 16 at once',
      'full',
    ],
    colAligns: ['left', 'left', ...Array.from({ length: 7 }, () => 'right' as const)],
    style: { head: [], border: [] },
  })
  for (const { kind, modes } of figures) {
    for (const [
      index,
      { mode, clientCpu, serverCpu, ratio, latency, perSecond, fullHandshakes },
    ] of modes.entries()) {
      table.push([
        index === 0 ? kind : '',
        mode,
        clientCpu.toFixed(0),
        serverCpu.toFixed(0),
        ratio.median.toFixed(2),
        interval(ratio),
        latency.toFixed(2),
        perSecond.toFixed(0),
        fullHandshakes,
      ])
    }
  }
  return table.toString()
}

function burstTable(): string {
  const table = newTable([`a burst of ${BURST}, ${BURST_KIND}`, 'wall ms', 'of the first', '95 %', 'full'])
  for (const { mode, wall, ratio, full } of burst) {
    table.push([mode, wall.toFixed(1), ratio.median.toFixed(2), interval(ratio), full])
  }
  return table.toString()
}

function threadTable(): string {
  const head = `${THREADS} threads, ${ENDPOINTS} endpoints, ${CONNECTIONS} connections each, ${THREADS_KIND}`
  const table = newTable([head, 'full', 'resumed'])
  for (const { mode, full, resumed } of counted) table.push([mode, full, resumed])
  return table.toString()
}

function fetchTable(): string {
  const table = newTable(['fetch, a second apart', 'Node alone', '--import tls-resumption/auto'])
  for (const { node, alone, auto } of fetched) table.push([node, alone, auto])
  return table.toString()
}

function newTable(head: string[]): Table.Table {
  const colAligns = head.map((_, index) => (index === 0 ? 'left' : 'right') as 'left' | 'right')
  return new Table({ head, colAligns, style: { head: [], border: [] } })
}

function interval({ low, high }: Estimate): string {
  return `${low.toFixed(2)}-${high.toFixed(2)}`
}

function costs(): string {
  const table = new Table({
    head: ['', 'our own code, µs', 'of a full handshake on both ends'],
    colAligns: ['left', 'right', 'right'],
    style: { head: [], border: [] },
  })
  for (const { kind, resumes, ownCpu, fullCpu } of own) {
    table.push([
      `${kind}, ${resumes ? 'resumed' : 'cannot resume'}`,
      ownCpu.toFixed(1),
      `${((100 * ownCpu) / fullCpu).toFixed(1)} %`,
    ])
  }
  return table.toString()
}

/** What the figures were made on. */
function conditions() {
  return {
    command: `npm run bench:clients -- --rounds ${rounds}`,
    date: new Date().toISOString().slice(0, 10),
    commit: execFileSync('git', ['rev-parse', '--short', 'HEAD'], { encoding: 'utf8' }).trim(),
    node: process.version,
    openssl: process.versions.openssl,
    cpu: os.cpus()[0]?.model,
    cpus: os.cpus().length,
    load: os.loadavg().map(load => Number(load.toFixed(1))),
  }
}
