import { randomBytes } from 'node:crypto'
import type { Server } from 'node:tls'

type Answer = [outcome: number, mac: Buffer, cipher: Buffer, name?: Buffer, iv?: Buffer]

interface Hooked {
  _sharedCreds: {
    context: {
      onticketkeycallback?(name: Buffer, iv: Buffer, isSealing: boolean): Answer
      enableTicketKeyCallback(): void
    }
  }
}

/**
 * Puts the least code into Node's ticket callback that gives each client a new ticket when it resumes, as TLS 1.3 needs
 * (RFC 8446 appendix C.4). Node's own ticket keys give it none.
 */
export function renewEachTicket(server: Server): void {
  const [name, mac, cipher] = [randomBytes(16), randomBytes(16), randomBytes(16)]
  const { context } = (server as unknown as Hooked)._sharedCreds
  context.onticketkeycallback = (wanted, _iv, isSealing) => {
    if (isSealing) return [1, mac, cipher, name, randomBytes(16)]
    return [wanted.equals(name) ? 2 : 0, mac, cipher]
  }
  context.enableTicketKeyCallback()
}
