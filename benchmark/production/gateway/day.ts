/** A day of a gateway in less than a minute: a start, restarts of upstreams, a rotation of their keys, and a deploy. */
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import type { Authority, Identity } from '../../../fixtures/certificates.ts'
import { checkPlain } from '../../lib/plain.ts'
import type { ResultTable } from '../../lib/result.ts'
import { median } from '../../lib/statistics.ts'
import type { Report, Request } from './upstreams.ts'

const UPSTREAMS = 50
const PROCESSES = 2
const WORKERS = 4
/** Requests per second of each worker. */
const PER_SECOND = 40
/** Upstreams that restart. */
const RESTARTED = 10

const ARMS = ['Node alone', '`auto`', '`auto` with a `path`'] as const
type Arm = (typeof ARMS)[number]

interface Seen {
  /** Microseconds. */
  cpu: number
  latencies: number[]
  errors: number
  loaded: string[]
}

export interface DayFigures {
  arm: Arm
  requests: number
  errors: number
  full: number
  resumed: number
  /** Milliseconds of CPU for each 1,000 requests. */
  gatewayCpu: number
  upstreamCpu: number
  /** Milliseconds. */
  p50: number
  p99: number
}

/** Runs the day with each arm, one after the other. `seconds` is the length of one day. */
export async function days(
  authority: Authority,
  seconds: number,
  say: (what: string) => void,
): Promise<DayFigures[]> {
  const identity = await authority.issue({ usage: 'server', commonName: 'localhost' })
  const folder = mkdtempSync(join(tmpdir(), 'tls-resumption-'))
  // On tmpfs.
  const shared = mkdtempSync('/dev/shm/tls-resumption-')
  const ca = join(folder, 'ca.pem')
  writeFileSync(ca, authority.cert)
  try {
    const figures: DayFigures[] = []
    for (const arm of ARMS) {
      say(`a gateway, ${arm}`)
      figures.push(await day(arm, identity, seconds, { NODE_EXTRA_CA_CERTS: ca }, join(shared, 'tls')))
    }
    return figures
  } finally {
    rmSync(folder, { recursive: true })
    rmSync(shared, { recursive: true })
  }
}

async function day(
  arm: Arm,
  identity: Identity,
  seconds: number,
  env: NodeJS.ProcessEnv,
  path: string,
): Promise<DayFigures> {
  const upstreams = fork(new URL('./upstreams.ts', import.meta.url))
  const ports = await ask<number[]>(upstreams, { listen: UPSTREAMS, identity })
  const before = await ask<Report>(upstreams, { report: true })
  const starts = (generation: number) =>
    Array.from({ length: PROCESSES }, (_, index) =>
      startGateway(arm, ports, 1 + 100 * generation + 10 * index, {
        ...env,
        ...(arm === '`auto` with a `path`' ? { TLS_RESUMPTION_PATH: path } : {}),
      }),
    )
  const part = (share: number) => setTimeout(1000 * seconds * share)
  const seen: Seen[] = []
  let gateways = starts(0)
  await part(0.35)
  await ask(upstreams, { restart: RESTARTED })
  await part(0.15)
  await ask(upstreams, { rotate: true })
  await part(0.2)
  // The deploy: the next processes are there before the last ones end.
  const next = starts(1)
  await part(0.05)
  for (const gateway of gateways) seen.push(await stop(arm, gateway))
  gateways = next
  await part(0.25)
  for (const gateway of gateways) seen.push(await stop(arm, gateway))
  const after = await ask<Report>(upstreams, { report: true })
  upstreams.disconnect()
  const latencies = seen.flatMap(each => each.latencies).sort((a, b) => a - b)
  const requests = latencies.length
  return {
    arm,
    requests,
    errors: seen.reduce((sum, { errors }) => sum + errors, 0),
    full: after.full - before.full,
    resumed: after.resumed - before.resumed,
    gatewayCpu: seen.reduce((sum, { cpu }) => sum + cpu, 0) / requests,
    upstreamCpu: (after.cpu - before.cpu) / requests,
    p50: median(latencies),
    p99: latencies[Math.floor(requests * 0.99)] ?? Number.NaN,
  }
}

function startGateway(arm: Arm, ports: number[], seed: number, added: NodeJS.ProcessEnv): ChildProcess {
  const { NODE_OPTIONS: _, TLS_RESUMPTION_PATH: __, ...env } = process.env
  const plan = { workers: WORKERS, ports, perSecond: PER_SECOND, seed }
  return fork(new URL('./gateway.mjs', import.meta.url), [JSON.stringify(plan)], {
    execArgv: arm === 'Node alone' ? [] : ['--import', 'tls-resumption/auto'],
    env: { ...env, ...added },
  })
}

async function stop(arm: Arm, gateway: ChildProcess): Promise<Seen> {
  const answer = once(gateway, 'message')
  gateway.send('stop')
  const [seen] = (await answer) as [Seen]
  if (arm === 'Node alone') checkPlain(arm, seen.loaded)
  else if (!seen.loaded.some(file => file.endsWith('.node'))) throw new Error(`${arm}: no addon was loaded`)
  gateway.disconnect()
  await once(gateway, 'exit')
  return seen
}

async function ask<Answer>(child: ChildProcess, request: Request): Promise<Answer> {
  const answer = once(child, 'message')
  child.send(request)
  const [message] = await answer
  return message as Answer
}

export function dayTable(figures: readonly DayFigures[], seconds: number): ResultTable {
  return {
    id: 'gateway',
    title: `A day of a gateway in ${seconds} seconds`,
    columns: [
      { title: 'by' },
      { title: 'full handshakes' },
      { title: 'resumed' },
      { title: 'CPU of the gateway', unit: 'ms for 1,000 requests', digits: 0 },
      { title: 'CPU of the upstreams', unit: 'ms for 1,000 requests', digits: 0 },
      { title: 'request p50', unit: 'ms', digits: 1 },
      { title: 'p99', unit: 'ms', digits: 1 },
      { title: 'requests' },
      { title: 'failed' },
    ],
    rows: figures.map(({ arm, full, resumed, gatewayCpu, upstreamCpu, p50, p99, requests, errors }) => [
      arm,
      full,
      resumed,
      gatewayCpu,
      upstreamCpu,
      p50,
      p99,
      requests,
      errors,
    ]),
    samples: 'one day each; handshakes are counted by the upstreams',
    remark: `${UPSTREAMS} upstreams of Node alone with RSA certificates and TLS 1.3. A gateway of ${PROCESSES} processes with ${WORKERS} workers each, which
sends half of the requests by \`https\` with an agent that keeps connections alive, and half by \`fetch\`. Idle connections end after
five seconds, as is the default. ${RESTARTED} upstreams restart, then all rotate their ticket keys and know no earlier ones, then both
processes are replaced.`,
  }
}
