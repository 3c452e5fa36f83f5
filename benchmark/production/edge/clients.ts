/** A process of many clients of Node alone. Each keeps its own session, and comes back with it. */
import { constants } from 'node:crypto'
import tls from 'node:tls'

/** Clients with TLS 1.2 and session IDs, clients with TLS 1.3 and tickets, or all of them. */
export type Which = 'ids' | 'tickets' | 'both'

export type Request =
  | { start: { clients: number; ca: string; port: number } }
  | { visit: Which; times: number }

export interface Visits {
  /** Milliseconds from dialling to the end of the answer. */
  latencies: number[]
  resumed: number
}

/** At a time. */
const AT_ONCE = 16

interface Client {
  kind: 'ids' | 'tickets'
  session?: Buffer
}

let clients: Client[] = []
let port = 0
let contexts: Record<Client['kind'], tls.SecureContext>

process.on('message', async (request: Request) => {
  process.send?.('start' in request ? start(request.start) : await visits(request))
})
process.on('disconnect', () => process.exit())

function start({ clients: count, ca, port: to }: { clients: number; ca: string; port: number }): 'done' {
  contexts = {
    ids: tls.createSecureContext({ ca, maxVersion: 'TLSv1.2', secureOptions: constants.SSL_OP_NO_TICKET }),
    tickets: tls.createSecureContext({ ca, minVersion: 'TLSv1.3' }),
  }
  clients = Array.from({ length: count }, (_, index) => ({ kind: index % 2 === 0 ? 'ids' : 'tickets' }))
  port = to
  return 'done'
}

async function visits({ visit: which, times }: { visit: Which; times: number }): Promise<Visits> {
  const wanted = clients.filter(({ kind }) => which === 'both' || kind === which)
  const seen: Visits = { latencies: [], resumed: 0 }
  let next = 0
  await Promise.all(
    Array.from({ length: AT_ONCE }, async () => {
      while (next < times) {
        // In another order than they came first: any step without a common factor visits all.
        const client = wanted[(next++ * 7919) % wanted.length] as Client
        const started = performance.now()
        if (await visit(client)) seen.resumed++
        seen.latencies.push(performance.now() - started)
      }
    }),
  )
  return seen
}

/** Returns true if the connection resumed. */
function visit(client: Client): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const { kind, session } = client
    const socket = tls.connect({
      port,
      host: '127.0.0.1',
      servername: 'localhost',
      secureContext: contexts[kind],
      ...(session && { session }),
    })
    let resumed = false
    socket.on('secureConnect', () => {
      resumed = socket.isSessionReused()
      socket.write('GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n')
    })
    let answer = ''
    socket.on('session', ticket => {
      client.session = ticket
    })
    socket.setEncoding('utf8').on('data', text => {
      answer += text
    })
    socket.on('error', reject)
    socket.on('close', () => {
      if (answer.includes('hello')) resolve(resumed)
      else reject(new Error(`no answer: ${answer}`))
    })
  })
}
