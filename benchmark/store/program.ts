import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { cpSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'

const FOLDER = new URL('./', import.meta.url)
const NAME = process.platform === 'win32' ? 'tls-resumption-bench-core.exe' : 'tls-resumption-bench-core'

export type Part = keyof Rows

/** The output of each part of the program. `--help` of the part has more details. */
export interface Rows {
  throughput: {
    mix: string
    entries: number
    blob: number
    threads: number
    contestant: string
    /** Operations per second, per round. */
    rates: number[]
    /** Nanoseconds, per round. */
    p999s: number[]
    /** Nanoseconds: p50, p99, p99.9, maximum. */
    latency: [number, number, number, number]
    hits: number | null
    over_capacity: number | null
  }
  memory: {
    contestant: string
    capacity: number
    entries: number
    blob: number
    /** Bytes, per round. */
    resident: number[]
  }
  sweep: {
    contestant: string
    entries: number
    /** Percent. */
    expired: number
    /** Nanoseconds, per round. */
    sweeps: number[]
    /** Nanoseconds of a read during the sweep: p50, p99, p99.9, maximum. */
    latency: [number, number, number, number]
  }
  'hit-ratio': {
    workload: string
    entries: number
    contestant: string
    is_exact: boolean
    /** Percent, per round. */
    hits: number[]
  }
  residue: {
    contestant: string
    removal: string
    removed: number
    /** Percent. */
    at_once: number
    later: number
  }
}

export const PARTS: Part[] = ['throughput', 'memory', 'sweep', 'hit-ratio', 'residue']

/** The compiled program. */
export class Program {
  readonly #path: string

  private constructor(path: string) {
    this.#path = path
  }

  /** Builds the program. With `unwiped`, from a copy of the core that wipes nothing, to show the cost of wiping. */
  static async build({ unwiped = false } = {}): Promise<Program> {
    // The copy must not be within what is copied.
    const target = new URL(unwiped ? '../../target/unwiped/' : 'target/', FOLDER)
    const cargo = spawn(
      'cargo',
      ['build', '--quiet', '--release', '--locked', '--target-dir', fileURLToPath(target)],
      {
        cwd: unwiped ? copyWithoutWiping(fileURLToPath(new URL('tree/', target))) : FOLDER,
        stdio: ['ignore', 'inherit', 'inherit'],
      },
    )
    await succeeded(cargo, 'cargo build')
    return new Program(fileURLToPath(new URL(`release/${NAME}`, target)))
  }

  /** Runs a part. `say` gets its progress. */
  async run<P extends Part>(part: P, options: string[], say: (text: string) => void): Promise<Rows[P][]> {
    const child = spawn(this.#path, [part, ...options], { stdio: ['ignore', 'pipe', 'pipe'] })
    createInterface(child.stderr).on('line', say)
    const [output] = await Promise.all([text(child.stdout), succeeded(child, part)])
    return JSON.parse(output)
  }
}

/** Copies the sources to `copy` and removes the wipe there. Returns the folder of the copied benchmark. */
function copyWithoutWiping(copy: string): string {
  const root = fileURLToPath(new URL('../../', FOLDER))
  rmSync(copy, { recursive: true, force: true })
  for (const name of ['Cargo.toml', 'Cargo.lock', 'crates', 'benchmark/store']) {
    cpSync(join(root, name), join(copy, name), {
      recursive: true,
      filter: path => !/[\\/](fuzz|target|node_modules)$/.test(path),
    })
  }
  const file = join(copy, 'crates/core/src/store/mod.rs')
  const source = readFileSync(file, 'utf8')
  const unwiped = source.replace('self.blocks.wipe(seen.place.first(), length(seen));', '')
  if (unwiped === source) throw new Error(`no wipe to remove in ${file}`)
  writeFileSync(file, unwiped)
  return join(copy, 'benchmark/store')
}

async function succeeded(child: ChildProcess, what: string): Promise<void> {
  const [code, signal] = await once(child, 'close')
  if (code !== 0) throw new Error(`${what} failed: ${signal ?? code}`)
}
