import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import type { Front, Kind, Placement } from './kinds.ts'

/** A line of `benchmark/results/interop.json`: one client against one placement of one kind of server. */
export interface Entry extends Kind {
  client: string
  clientVersion: string
  node: string
  front: Front
  placement: Placement
  /** `F` for a full handshake and `R` for a resumed one, connection by connection. */
  connections: string
  /** Why it does not resume, where it does not. */
  never?: string
  /** How many certificates the client tells of a resumed connection: the same as of a full one. */
  certificates?: number
}

const results = new URL('../../benchmark/results/', import.meta.url)
const file = new URL('interop.json', results)

/** Puts what was seen in the place of what was recorded of the same before, and leaves the rest. */
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

function identityOf({ client, front, protocol, mechanism, placement, node }: Entry): string {
  return JSON.stringify([client, front, protocol, mechanism, placement, node.split('.')[0]])
}
