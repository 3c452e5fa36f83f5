/** A million sessions behind a server's events: memory, and how long the event loop stands still. */
import { execFileSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'

export interface HeldFigures {
  mode: string
  /** Bytes. */
  blob: number
  /** Bytes of memory a session, resident. */
  resident: number
  /** Milliseconds. */
  fullGc: number
  /** Milliseconds of the longest delay of the event loop while as many sessions came again. */
  longestDelay: number
}

const PROGRAM = fileURLToPath(new URL('./holding.ts', import.meta.url))

export function held(): HeldFigures[] {
  return ['nothing', 'tls-session-cache', 'tls-resumption'].map(mode => {
    const args = ['--expose-gc', '--import', '@oxc-node/core/register', PROGRAM, mode]
    return JSON.parse(execFileSync(process.execPath, args, { encoding: 'utf8' })) as HeldFigures
  })
}
