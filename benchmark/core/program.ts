import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'

const FOLDER = new URL('./', import.meta.url)
const NAME = process.platform === 'win32' ? 'tls-resumption-bench-core.exe' : 'tls-resumption-bench-core'

export type Part = keyof Rows

/** What the program prints for each of its parts; `--help` of the part says more. */
export interface Rows {
  throughput: {
    mix: string
    entries: number
    blob: number
    threads: number
    contestant: string
    /** Operations a second, of each round. */
    rates: number[]
    /** Nanoseconds, of each round. */
    p999s: number[]
    /** Nanoseconds: p50, p99, p99.9, greatest. */
    latency: [number, number, number, number]
    hits: number | null
    over_capacity: number | null
  }
  memory: {
    contestant: string
    capacity: number
    entries: number
    blob: number
    /** Bytes, of each round. */
    resident: number[]
  }
  sweep: {
    contestant: string
    entries: number
    /** Percent. */
    expired: number
    /** Nanoseconds, of each round. */
    sweeps: number[]
    /** Nanoseconds of a read meanwhile: p50, p99, p99.9, greatest. */
    latency: [number, number, number, number]
  }
  'hit-ratio': {
    workload: string
    entries: number
    contestant: string
    is_exact: boolean
    /** Percent, of each round. */
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

/** The program that measures, as it was built. */
export class Program {
  readonly #path: string

  private constructor(path: string) {
    this.#path = path
  }

  /** `unwiped`: with a core that wipes nothing, to show what wiping costs. Such a core can be had in no other way. */
  static async build({ unwiped = false } = {}): Promise<Program> {
    const target = new URL(unwiped ? 'target/unwiped/' : 'target/', FOLDER)
    const cargo = spawn(
      'cargo',
      ['build', '--quiet', '--release', '--locked', '--target-dir', fileURLToPath(target)],
      {
        cwd: FOLDER,
        stdio: ['ignore', 'inherit', 'inherit'],
        env: { ...process.env, RUSTFLAGS: unwiped ? '--cfg tls_resumption_unwiped' : '' },
      },
    )
    await succeeded(cargo, 'cargo build')
    return new Program(fileURLToPath(new URL(`release/${NAME}`, target)))
  }

  /** `say` hears what it is doing. */
  async run<P extends Part>(part: P, options: string[], say: (text: string) => void): Promise<Rows[P][]> {
    const child = spawn(this.#path, [part, ...options], { stdio: ['ignore', 'pipe', 'pipe'] })
    createInterface(child.stderr).on('line', say)
    const [output] = await Promise.all([text(child.stdout), succeeded(child, part)])
    return JSON.parse(output)
  }
}

async function succeeded(child: ChildProcess, what: string): Promise<void> {
  const [code, signal] = await once(child, 'close')
  if (code !== 0) throw new Error(`${what} failed: ${signal ?? code}`)
}
