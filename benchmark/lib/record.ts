import { execFileSync } from 'node:child_process'
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import os from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { targetTable, terminalTable } from './format.ts'
import type { Result, ResultTable, Target } from './result.ts'
import { summaryText } from './summary.ts'

/** Everything except documents and results, which one benchmark after another writes. */
const MEASURED = [':/', ':(exclude,top)benchmark/results', ':(exclude,top)docs', ':(exclude,top,glob)*.md']
const RESULTS = new URL('../results/', import.meta.url)

/** The major version of Node.js whose figures the documents show first. Those of others are in folders beside. */
const FIRST_NODE = '24'

/** The findings of a benchmark. The rest of a {@link Result} describes the machine. */
export interface Findings {
  name: string
  command: string
  tables: ResultTable[]
  targets: Target[]
  /** Versions of other programs than Node.js and OpenSSL, which are always included. */
  versions?: Record<string, string>
}

/**
 * Prints the findings. With `file`, writes the full record there. With `record`, writes a summary to
 * `benchmark/results`, from which the documents take their figures: of Node.js 24 there, of others in a folder in it.
 */
export function report(findings: Findings, options: { record?: boolean; file?: string } = {}): void {
  const { tables, targets } = findings
  const shown = targets.length ? [...tables, targetTable(targets)] : tables
  process.stdout.write(`${shown.map(terminalTable).join('\n\n')}\n`)
  const result = resultOf(findings)
  if (options.file) writeFileSync(options.file, `${JSON.stringify(result, null, 2)}\n`)
  if (options.record) {
    const [major = ''] = process.versions.node.split('.')
    const folder = major === FIRST_NODE ? RESULTS : new URL(`node-${major}/`, RESULTS)
    mkdirSync(folder, { recursive: true })
    writeFileSync(new URL(`${findings.name}.json`, folder), summaryText(result))
  }
}

/** Returns the recorded results of Node.js 24, by name. */
export function recordedResults(): Map<string, Result> {
  return resultsIn(fileURLToPath(RESULTS))
}

/** Returns the recorded results of other versions of Node.js, newest first. */
export function resultsBeside(): Map<string, Result>[] {
  return readdirSync(RESULTS)
    .filter(name => name.startsWith('node-'))
    .sort()
    .reverse()
    .map(name => resultsIn(fileURLToPath(new URL(name, RESULTS))))
}

/** Returns the results in a folder, by name. */
export function resultsIn(directory: string): Map<string, Result> {
  const results = new Map<string, Result>()
  for (const name of readdirSync(directory)) {
    if (!name.endsWith('.json')) continue
    const content = JSON.parse(readFileSync(join(directory, name), 'utf8'))
    // The records of drivers, clients and probes have other forms.
    if (Array.isArray(content.tables)) results.set(content.name, content)
  }
  return results
}

function resultOf({ name, command, tables, targets, versions }: Findings): Result {
  return {
    name,
    command,
    date: new Date().toISOString().slice(0, 10),
    commit:
      git('rev-parse', '--short', 'HEAD') + (git('status', '--porcelain', '--', ...MEASURED) ? '+' : ''),
    machine: {
      cpu: os.cpus()[0]?.model.trim() ?? 'unknown',
      cpus: os.cpus().length,
      memory: `${Math.round(os.totalmem() / 2 ** 30)} GiB`,
      system: `${os.type()} ${os.release()}`,
      load: os.loadavg().map(load => Number(load.toFixed(1))),
    },
    versions: { node: process.versions.node, openssl: process.versions.openssl, ...versions },
    tables,
    targets,
  }
}

function git(...command: string[]): string {
  return execFileSync('git', command, { encoding: 'utf8' }).trim()
}
