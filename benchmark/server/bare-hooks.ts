import { randomBytes } from 'node:crypto'
import type { Server } from 'node:tls'
import type { Mechanism } from './kinds.ts'

type Answer = [outcome: number, mac: Buffer, cipher: Buffer, name?: Buffer, iv?: Buffer]

interface Hooked {
  _sharedCreds: {
    context: {
      onticketkeycallback?(name: Buffer, iv: Buffer, isSealing: boolean): Answer
      enableTicketKeyCallback(): void
    }
  }
}

/** Puts the least code into Node's hooks that resumes: what an application would write that trusts all its sessions. */
export function addBareHooks(server: Server, mechanism: Mechanism): void {
  if (mechanism === 'ids') keepSessions(server)
  else renewEachTicket(server)
}

function keepSessions(server: Server): void {
  const sessions = new Map<string, Buffer>()
  server.on('newSession', (id: Buffer, session: Buffer, done: () => void) => {
    sessions.set(id.toString('latin1'), session)
    done()
  })
  server.on('resumeSession', (id: Buffer, answer: (error: Error | null, session: Buffer | null) => void) => {
    answer(null, sessions.get(id.toString('latin1')) ?? null)
  })
}

/**
 * Gives each client a new ticket when it resumes, as TLS 1.3 needs (RFC 8446 appendix C.4). Node's own ticket keys give it
 * none.
 */
function renewEachTicket(server: Server): void {
  const [name, mac, cipher] = [randomBytes(16), randomBytes(16), randomBytes(16)]
  const { context } = (server as unknown as Hooked)._sharedCreds
  context.onticketkeycallback = (wanted, _iv, isSealing) => {
    if (isSealing) return [1, mac, cipher, name, randomBytes(16)]
    return [wanted.equals(name) ? 2 : 0, mac, cipher]
  }
  context.enableTicketKeyCallback()
}
