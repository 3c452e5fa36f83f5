import type { Handshake } from './handshake.ts'
import type { RealServer } from './site.ts'
import type { Seen, Trial } from './trial.ts'

/** The recorded part of a trial. */
export interface Result {
  full: number
  resumed: number
  /** True if the worker's first connection resumed. */
  workerFirst: 'full' | 'resumed'
  /** The evidence: the bytes on the wire and, if it reports, the server. */
  evidence: 'wire' | 'wire and server'
}

export function resultOf({ main, worker, told }: Seen): Result {
  const all = [...main, ...worker].flat()
  const resumed = all.filter(handshake => handshake.resumed).length
  return {
    full: all.length - resumed,
    resumed,
    workerFirst: worker[0]?.[0]?.resumed ? 'resumed' : 'full',
    evidence: told ? 'wire and server' : 'wire',
  }
}

/** Returns the problem of a trial, or undefined. */
export function fault({ how }: Trial, { neverResumes }: RealServer, seen: Seen): string | undefined {
  const { full, resumed } = resultOf(seen)
  const { main, worker, told } = seen
  if (told && (told.full !== full || told.resumed !== resumed)) {
    return `the server counted ${told.full} full and ${told.resumed} resumed, on the wire were ${full} and ${resumed}`
  }
  if (neverResumes !== undefined) {
    const offered = [...main, ...worker].flat().filter(handshake => handshake.offered).length
    if (offered > 0) return `a session was offered ${offered} times, and there was none to be had`
    return resumed === 0 ? undefined : 'a connection resumed, though the server never does'
  }
  if (main[0]?.[0]?.resumed) return 'the very first connection resumed'
  if (how === 'off') return worker[0]?.[0]?.resumed ? "the worker's first connection resumed" : undefined
  const again = [...main.slice(1), ...worker]
  return again.flat().every(handshake => handshake.resumed) ? undefined : 'a reconnect was a full handshake'
}

/** Visit by visit, `F` for full and `R` for resumed: `F R R R | R R R`, with the worker's after the bar. */
export function inShort({ main, worker }: Seen): string {
  const visits = (list: Handshake[][]) =>
    list.map(visit => visit.map(({ resumed }) => (resumed ? 'R' : 'F')).join('')).join(' ')
  return `${visits(main)} | ${visits(worker)}`
}
