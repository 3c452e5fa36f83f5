/** Measures a million sessions behind a server's events: memory, and delays of the event loop. */
import { execFileSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import type { ResultTable, Target } from '../lib/result.ts'

export interface HeldFigures {
  mode: string
  sessions: number
  /** Bytes. */
  blob: number
  /** Resident bytes per session. */
  resident: number
  /** Milliseconds. */
  fullGc: number
  /** Milliseconds of the longest delay of the event loop while as many sessions are replaced. */
  longestDelay: number
}

const PROGRAM = fileURLToPath(new URL('./holding.ts', import.meta.url))

export function held(sessions: number): HeldFigures[] {
  return ['nothing', 'tls-session-cache', 'tls-resumption'].map(mode => {
    const args = ['--expose-gc', '--import', './scripts/lib/typescript.mjs', PROGRAM, mode, String(sessions)]
    return JSON.parse(execFileSync(process.execPath, args, { encoding: 'utf8' })) as HeldFigures
  })
}

export function heldTable(figures: readonly HeldFigures[]): ResultTable {
  const [{ blob, sessions } = { blob: 0, sessions: 0 }] = figures
  return {
    id: 'held',
    title: `${sessions.toLocaleString('en')} sessions of ${blob} bytes, by id`,
    columns: [
      { title: 'kept by' },
      { title: 'memory a session', unit: 'bytes', digits: 0 },
      { title: 'full GC', unit: 'ms', digits: 1 },
      { title: 'longest delay of the event loop', unit: 'ms', digits: 1 },
    ],
    rows: figures.map(({ mode, resident, fullGc, longestDelay }) => [mode, resident, fullGc, longestDelay]),
    samples: 'one process each: all sessions, then as many again while the delay is measured',
    remark:
      'The events of a server, without handshakes. *nothing* answers none of them: its row is the cost of the loop that sends them.',
    chart: { x: 'kept by', y: 'longest delay of the event loop' },
  }
}

export function heldTargets(figures: readonly HeldFigures[]): Target[] {
  const of = (mode: string) => figures.find(each => each.mode === mode)
  const [nothing, pure, ours] = [of('nothing'), of('tls-session-cache'), of('tls-resumption')]
  if (!nothing || !pure || !ours) return []
  return [
    {
      figure: 'resident memory of sessions by id, of their bytes',
      atMost: 1.3,
      value: (ours.resident - nothing.resident) / ours.blob,
    },
    {
      figure: 'longest delay of the event loop with them, of that with the package of pure JavaScript',
      atMost: 1,
      value: ours.longestDelay / pure.longestDelay,
    },
  ]
}
