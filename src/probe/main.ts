import { createRequire } from 'node:module'
import { styleText } from 'node:util'
import { HELP, type ProbeOptions, parseOptions, UsageError } from './args.js'
import type { PeerFindings } from './findings.js'
import { probe } from './probe.js'
import { Progress } from './progress.js'
import { type Paint, tableOf } from './table.js'

/** The exit codes of the command. */
export const EXIT = {
  /** All peers resume, in the newest version of TLS that each supports. */
  resumes: 0,
  doesNot: 1,
  usage: 2,
  /** A peer could not be probed. */
  unknown: 3,
} as const

/** Runs `tls-resumption` with these arguments. Returns the exit code. */
export async function main(args: string[]): Promise<number> {
  const [command, ...rest] = args
  if (command === '--version') return print(`${packageVersion()}\n`)
  if (command === undefined) return usageError('A command is missing. The commands are: probe, cache')
  if (command === '--help' || command === '-h' || command === 'help') return print(HELP)
  if (command !== 'probe') return usageError(`Unknown command '${command}'. The commands are: probe, cache`)
  try {
    const options = parseOptions(rest)
    if (options === 'help') return print(HELP)
    if (options === 'version') return print(`${packageVersion()}\n`)
    return exitCode(await probeAll(options))
  } catch (error) {
    if (error instanceof UsageError) return usageError(error.message)
    throw error
  }
}

async function probeAll(options: ProbeOptions): Promise<PeerFindings[]> {
  const progress = new Progress(process.stderr)
  const paint = painter()
  const all: PeerFindings[] = []
  for (const peer of options.peers) {
    const findings = await probe(peer, options, doing => progress.show(doing))
    progress.clear()
    all.push(findings)
    if (!options.json) process.stdout.write(`${tableOf(findings, paint)}\n`)
  }
  if (options.json) {
    const { node, openssl } = process.versions
    const report = { version: packageVersion(), node, openssl, date: new Date().toISOString(), peers: all }
    process.stdout.write(`${JSON.stringify(report, (_, value) => value ?? null, 2)}\n`)
  }
  return all
}

function exitCode(all: readonly PeerFindings[]): number {
  if (all.some(({ resumes }) => resumes === undefined)) return EXIT.unknown
  return all.every(({ resumes }) => resumes) ? EXIT.resumes : EXIT.doesNot
}

function print(text: string): number {
  process.stdout.write(text)
  return EXIT.resumes
}

function usageError(sentence: string): number {
  process.stderr.write(`tls-resumption: ${sentence.replace(/[^?]$/, '$&.')}\nSee: tls-resumption --help\n`)
  return EXIT.usage
}

function painter(): Paint {
  const { stdout } = process
  if (!stdout.isTTY || !stdout.hasColors()) return (_, text) => text
  return (style, text) => styleText(style, text)
}

function packageVersion(): string {
  return createRequire(import.meta.url)('tls-resumption/package.json').version
}
