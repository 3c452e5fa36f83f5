/** What our part of a server's handshake costs, by doing it over and over. */
import { randomBytes } from 'node:crypto'
import { createServer } from 'node:tls'
import { resumeSessions, SessionCache, TicketKeys } from 'tls-resumption'
import { median } from '../clients/statistics.ts'

export interface OwnCosts {
  what: string
  /** Microseconds. */
  cost: number
}

const TIMES = 20_000
const ROUNDS = 11

interface Hooked {
  _sharedCreds: { context: { onticketkeycallback(name: Buffer, iv: Buffer, sealing: boolean): Buffer[] } }
}

/** `session`: one of TLS 1.2 as a server is told of it. */
export function ownCosts(session: Buffer): OwnCosts[] {
  const byId = createServer()
  const id = randomBytes(32)
  resumeSessions(byId, { sessionCache: new SessionCache({ sweepInterval: 0 }) })
  const byTicket = createServer()
  const keys = new TicketKeys()
  keys.attach(byTicket)
  const { context } = (byTicket as unknown as Hooked)._sharedCreds
  const iv = Buffer.alloc(16)
  const name = Buffer.from(context.onticketkeycallback(Buffer.alloc(16), iv, true)[3] as Buffer)
  const unknown = randomBytes(16)
  const costs = [
    time('newSession: a session is kept', () => byId.emit('newSession', id, session, () => {})),
    time('resumeSession: it is found', () => byId.emit('resumeSession', id, () => {})),
    time('resumeSession: another is not', () => byId.emit('resumeSession', unknown, () => {})),
    time('a ticket is sealed', () => context.onticketkeycallback(name, iv, true)),
    time('a ticket is opened', () => context.onticketkeycallback(name, iv, false)),
    time('a ticket of an unknown key', () => context.onticketkeycallback(unknown, iv, false)),
  ]
  keys[Symbol.dispose]()
  return costs
}

function time(what: string, run: () => void): OwnCosts {
  const rounds: number[] = []
  for (let round = 0; round < ROUNDS; round++) {
    const started = performance.now()
    for (let i = 0; i < TIMES; i++) run()
    rounds.push(((performance.now() - started) * 1000) / TIMES)
  }
  return { what, cost: median(rounds) }
}
