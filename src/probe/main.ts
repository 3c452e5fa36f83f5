import { createRequire } from 'node:module'
import { styleText } from 'node:util'
import { similar } from '../util/validate.js'
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

const COMMANDS: readonly string[] = ['probe', 'cache']

/** Runs `tls-resumption` with these arguments. Returns the exit code. */
export async function main(args: string[]): Promise<number> {
  const [command, ...rest] = args
  if (command === '--version' || command === '-v') return print(`${packageVersion()}\n`)
  if (command === undefined)
    return usageError(`A command is missing. The commands are: ${COMMANDS.join(', ')}`)
  if (command === '--help' || command === '-h' || command === 'help') return print(HELP)
  if (command !== 'probe') {
    const meant = COMMANDS.find(known => similar(known, command))
    const hint = meant ? `: did you mean '${meant}'?` : `. The commands are: ${COMMANDS.join(', ')}`
    return usageError(`Unknown command '${command}'${hint}`)
  }
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
  const paint = painter(options.color)
  const all: PeerFindings[] = []
  const left = options.peers.entries()
  let printed = 0
  const work = async () => {
    for (const [index, peer] of left) {
      all[index] = await probe(peer, options, doing => progress.show(doing))
      progress.clear()
      // In the order of the command line.
      for (let next = all[printed]; next !== undefined; next = all[++printed]) {
        if (!options.json) process.stdout.write(`${tableOf(next, paint, outputWidth())}\n`)
      }
    }
  }
  await Promise.all(Array.from({ length: options.concurrency }, work))
  if (options.json) {
    const { node, openssl } = process.versions
    const report = {
      schemaVersion: SCHEMA_VERSION,
      version: packageVersion(),
      node,
      openssl,
      date: new Date().toISOString(),
      peers: all,
    }
    process.stdout.write(`${JSON.stringify(report, (_, value) => value ?? null, 2)}\n`)
  }
  return all
}

/** The form of the JSON output, as in docs/reference/cli.md. It changes with a major version only. */
const SCHEMA_VERSION = 1

/** Columns of the terminal. A file has no width, and both versions stand side by side there. */
function outputWidth(): number {
  return process.stdout.isTTY ? process.stdout.columns || 80 : Number.POSITIVE_INFINITY
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

function painter(color: boolean | undefined): Paint {
  const { stdout } = process
  if (!(color ?? (stdout.isTTY && stdout.hasColors()))) return (_, text) => text
  return (style, text) => styleText(style, text, { validateStream: false })
}

function packageVersion(): string {
  return createRequire(import.meta.url)('../../package.json').version
}
