import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import type { Result } from './judge.ts'
import type { Protocol } from './site.ts'
import type { How } from './trial.ts'

/** A line of `benchmark/results/drivers.json`: one driver against one server in one way. */
export interface Entry extends Result {
  server: string
  serverVersion: string
  driver: string
  driverVersion: string
  node: string
  protocol: Protocol
  how: How
  option?: string
  /** `F` for a full handshake and `R` for a resumed one, visit by visit, the worker's behind the bar. */
  visits: string
}

const results = new URL('../../benchmark/results/', import.meta.url)
const file = new URL('drivers.json', results)

/** Puts what was measured in the place of what was recorded of the same before, and leaves the rest. */
export function record(entries: readonly Entry[]): void {
  const fresh = new Set(entries.map(identityOf))
  const kept = recorded().filter(entry => !fresh.has(identityOf(entry)))
  const all = [...kept, ...entries].sort((a, b) => (identityOf(a) < identityOf(b) ? -1 : 1))
  mkdirSync(results, { recursive: true })
  writeFileSync(file, `[\n${all.map(entry => `  ${JSON.stringify(entry)}`).join(',\n')}\n]\n`)
}

/** What has been recorded so far. */
export function recorded(): Entry[] {
  try {
    return JSON.parse(readFileSync(file, 'utf8'))
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return []
    throw error
  }
}

function identityOf({ server, driver, protocol, how, node }: Entry): string {
  return JSON.stringify([server, driver, protocol, how, node.split('.')[0]])
}
