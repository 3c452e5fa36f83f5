/**
 * The program of `npm start`: compares clients that reconnect without resumption, with a cache per thread, and with
 * a shared cache.
 */
import { readFileSync } from 'node:fs'
import { cpus } from 'node:os'
import { createAuthority } from '../../fixtures/certificates.ts'
import { createProgress, type Progress } from '../lib/progress.ts'
import { endpoints } from './endpoints.ts'
import { help, type Options, parseOptions, UsageError } from './options.ts'
import { compareProcesses, type ProcessesSummary } from './processes.ts'
import { type Identities, runMode, SERVER_THREADS } from './run.ts'
import { failuresOf, type ModeSummary, summarize } from './summary.ts'
import { render, renderProcesses } from './tables.ts'
import { Watchdog } from './watchdog.ts'

/** Longer than any bounded wait of a run, for a connection or for a thread to stop. */
const STALL_TIMEOUT = 60_000

try {
  const options = parseOptions(process.argv.slice(2))
  if (options === undefined) process.stdout.write(help)
  else await main(options)
} catch (error) {
  if (!(error instanceof UsageError)) throw error
  process.stderr.write(`${error.message}\n\n${help}`)
  process.exitCode = 1
}

async function main(options: Options): Promise<void> {
  const progress = createProgress()
  const { summaries, processes, failures } = await compare(options, progress)
  if (options.json) {
    process.stdout.write(`${JSON.stringify({ ...report(options, summaries, failures), processes })}\n`)
  } else {
    if (summaries.length > 0) process.stdout.write(`\n${render(summaries, options)}\n`)
    if (processes) process.stdout.write(`\n${renderProcesses(processes)}\n`)
  }
  for (const failure of failures) process.stderr.write(`FAILED ${failure}\n`)
  if (failures.length > 0) process.exitCode = 1
}

interface Comparison {
  summaries: ModeSummary[]
  /** Undefined where processes cannot share a file, or a single mode was asked for. */
  processes: ProcessesSummary | undefined
  failures: string[]
}

/** If a mode fails, the figures of the others remain. */
async function compare(options: Options, progress: Progress): Promise<Comparison> {
  const summaries: ModeSummary[] = []
  const failures: string[] = []
  const watchdog = new Watchdog(STALL_TIMEOUT)
  const phase = (text: string) => {
    watchdog.pat(text)
    progress.phase(text)
  }

  phase(`making ${options.algorithm} certificates`)
  const identities = await createIdentities(options)
  for (const mode of options.modes) {
    try {
      let last = 0
      const run = await runMode(mode, options, identities, {
        phase,
        finished(connections, of) {
          if (connections > last) watchdog.pat(`${mode}: measuring, ${connections} of ${of} connections done`)
          last = connections
          progress.update(`${connections} of ${of} connections`)
        },
      })
      const summary = summarize(run, options)
      summaries.push(summary)
      failures.push(...failuresOf(run, summary))
      progress.done(`${mode}: ${summary.connections} connections in ${summary.seconds.toFixed(1)} s`)
    } catch (error) {
      failures.push(`${mode}: ${(error as Error).message}`)
    }
  }
  const processes = await compareAll(options, identities, phase, failures)
  watchdog.stop()
  progress.stop()
  return { summaries, processes, failures }
}

async function compareAll(
  { modes }: Options,
  { authority, server }: Identities,
  phase: (text: string) => void,
  failures: string[],
): Promise<ProcessesSummary | undefined> {
  if (!modes.includes('tls-resumption')) return undefined
  phase('processes that share a file')
  try {
    const summary = await compareProcesses(authority, server)
    if (summary && summary.again.full > 0) {
      failures.push(
        `processes: ${summary.again.full} full handshakes after all were killed and started again`,
      )
    }
    return summary
  } catch (error) {
    failures.push(`processes: ${(error as Error).message}`)
    return undefined
  }
}

async function createIdentities({ algorithm }: Options): Promise<Identities> {
  const authority = await createAuthority({ algorithm })
  return {
    authority,
    server: await authority.issue({ usage: 'server', commonName: 'localhost' }),
    client: await authority.issue({ usage: 'client', commonName: 'client' }),
  }
}

function report(
  { algorithm, workers, rounds, shareContexts }: Options,
  modes: ModeSummary[],
  failures: string[],
) {
  const { name, version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'))
  return {
    versions: { [name]: version, node: process.versions.node, openssl: process.versions.openssl },
    platform: `${process.platform} ${process.arch}`,
    cpus: cpus().length,
    algorithm,
    workers,
    endpoints: endpoints.length,
    rounds,
    shareContexts,
    serverThreads: SERVER_THREADS,
    warmUpConnectionsPerEndpoint: 1,
    modes,
    failures,
  }
}
