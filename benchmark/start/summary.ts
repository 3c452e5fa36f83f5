/** Computes the figures that are shown, and the reasons why a run fails. */
import { endpoints, kinds, sum, total } from './endpoints.ts'
import type { ModeName } from './modes/index.ts'
import type { Options } from './options.ts'
import type { ModeRun } from './run.ts'

export interface KindSummary {
  kind: string
  connections: number
  resumedPercent: number
  fullHandshakes: number
  /** Median milliseconds from dialling to the echo. */
  medianMs: number
}

export interface ModeSummary {
  mode: ModeName
  /** Of the measured phase, as all figures except full handshakes. */
  connections: number
  seconds: number
  connectionsPerSecond: number
  /** Microseconds of CPU per connection, `null` if the platform does not report them. */
  clientCpuUs: number | null
  serverCpuUs: number | null
  resumedPercent: number
  /** The servers' count, including the warm-up. */
  fullHandshakes: number
  expectedFullHandshakes: number
  kinds: KindSummary[]
}

export function summarize(run: ModeRun, options: Options): ModeSummary {
  const { full, resumed } = total(run.measured)
  const connections = full + resumed
  return {
    mode: run.mode,
    connections,
    seconds: run.seconds,
    connectionsPerSecond: connections / run.seconds,
    clientCpuUs: run.clientCpu === undefined ? null : run.clientCpu / connections,
    serverCpuUs: run.serverCpu === undefined ? null : run.serverCpu / connections,
    resumedPercent: (100 * resumed) / connections,
    fullHandshakes: total(run.server).full,
    expectedFullHandshakes: expectedFull(run.mode, options),
    kinds: kinds.map(({ label }, kind) => summarizeKind(run, label, kind)),
  }
}

function summarizeKind(run: ModeRun, label: string, kind: number): KindSummary {
  const { full, resumed } = total(run.measured, kind)
  return {
    kind: label,
    connections: full + resumed,
    resumedPercent: (100 * resumed) / (full + resumed),
    fullHandshakes: total(run.server, kind).full,
    medianMs: median(run.latencies[kind] ?? []),
  }
}

/**
 * Returns the full handshakes, including the warm-up, if every session is offered that a thread of the mode can
 * know.
 */
function expectedFull(mode: ModeName, { workers, rounds }: Options): number {
  switch (mode) {
    case 'none':
      return endpoints.length + workers * endpoints.length * rounds
    case 'per-thread':
      return workers * endpoints.length
    case 'tls-resumption':
      return endpoints.length
  }
}

/** Returns why this run has to fail. Empty if it passes. */
export function failuresOf(run: ModeRun, summary: ModeSummary): string[] {
  return [...run.errors, ...disagreements(run), ...missedResumptions(run, summary)].map(
    failure => `${run.mode}: ${failure}`,
  )
}

function disagreements(run: ModeRun): string[] {
  const client = sum([run.warmUp, run.measured])
  return endpoints.flatMap(({ id, kind }) => {
    const [ours, theirs] = [client[id], run.server[id]]
    if (ours?.full === theirs?.full && ours?.resumed === theirs?.resumed) return []
    return [
      `endpoint ${id} (${kinds[kind]?.label}): the clients counted ${ours?.full} full and ${ours?.resumed} ` +
        `resumed handshakes, the server ${theirs?.full} and ${theirs?.resumed}`,
    ]
  })
}

/** Only this package promises that every connection after the first resumes. */
function missedResumptions(run: ModeRun, summary: ModeSummary): string[] {
  if (run.mode !== 'tls-resumption') return []
  if (summary.fullHandshakes === summary.expectedFullHandshakes) return []
  const where = summary.kinds
    .filter(({ fullHandshakes }) => fullHandshakes !== endpoints.length / kinds.length)
    .map(({ kind, fullHandshakes }) => `${fullHandshakes} at ${kind}`)
  return [
    `${summary.fullHandshakes} full handshakes instead of ${summary.expectedFullHandshakes}: ${where.join('; ')}`,
  ]
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  const middle = sorted.length >> 1
  const [low, high] = [sorted[sorted.length % 2 === 0 ? middle - 1 : middle], sorted[middle]]
  return low === undefined || high === undefined ? Number.NaN : (low + high) / 2
}
