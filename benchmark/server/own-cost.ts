/** Measures the part of this package in a server's handshake, by repeating it many times. */
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import tls, { createServer, type Server, type TLSSocket } from 'node:tls'
import { resumeSessions, SessionCache, TicketKeys } from 'tls-resumption'
import type { Pki } from '../lib/pki.ts'
import type { ResultTable, Target } from '../lib/result.ts'
import { realSession } from '../lib/session.ts'
import { type Estimate, estimate } from '../lib/statistics.ts'
import type { HandshakeFigures } from './handshakes.ts'
import { type Kind, kinds, labelOf } from './kinds.ts'

const PARTS = {
  keep: 'a session is kept by its id (`newSession`)',
  keepWithClient: 'the same with the certificate of a client',
  miss: 'an id is not found (`resumeSession`)',
  hit: 'an id is found (`resumeSession`)',
  seal: 'a ticket is sealed',
  open: 'a ticket is opened',
  unknown: 'a ticket of an unknown key',
  tell: 'the handshake is counted',
} as const
type Part = keyof typeof PARTS

/** Microseconds. */
export type OwnCosts = Record<Part, Estimate>

interface Hooked {
  _sharedCreds: { context: { onticketkeycallback(name: Buffer, iv: Buffer, sealing: boolean): Buffer[] } }
}

const IDS = 4096

export interface Repeats {
  times: number
  rounds: number
}

export async function ownCosts(pki: Pki, repeats: Repeats): Promise<OwnCosts> {
  const [bare, withClient] = [await realSession(false), await realSession()]
  const byId = createServer()
  const ids = Array.from({ length: IDS }, () => randomBytes(32))
  resumeSessions(byId, { sessionCache: new SessionCache({ sweepInterval: 0 }) })
  const byTicket = createServer()
  const keys = new TicketKeys()
  keys.attach(byTicket)
  const { context } = (byTicket as unknown as Hooked)._sharedCreds
  const iv = Buffer.alloc(16)
  const name = Buffer.from(context.onticketkeycallback(Buffer.alloc(16), iv, true)[3] as Buffer)
  const unknown = randomBytes(16)
  const { server, socket } = await realSocket(pki)
  resumeSessions(server)
  const [tell] = server.listeners('secureConnection') as ((socket: TLSSocket) => void)[]
  if (tell === undefined) throw new Error('nothing listens for handshakes')
  let next = 0
  const run: Record<Part, () => unknown> = {
    keep: () => byId.emit('newSession', ids[next++ % IDS], bare, () => {}),
    keepWithClient: () => byId.emit('newSession', ids[next++ % IDS], withClient, () => {}),
    hit: () => byId.emit('resumeSession', ids[next++ % IDS], () => {}),
    miss: () => byId.emit('resumeSession', unknown, () => {}),
    seal: () => context.onticketkeycallback(name, iv, true),
    open: () => context.onticketkeycallback(name, iv, false),
    unknown: () => context.onticketkeycallback(unknown, iv, false),
    tell: () => tell(socket),
  }
  const costs = Object.fromEntries(
    Object.entries(run).map(([part, act]) => [part, time(act, repeats)]),
  ) as unknown as OwnCosts
  keys[Symbol.dispose]()
  socket.destroy()
  server.close()
  return costs
}

function time(run: () => unknown, { times, rounds }: Repeats): Estimate {
  const taken: number[] = []
  for (let round = -1; round < rounds; round++) {
    const { user: before } = process.cpuUsage()
    for (let i = 0; i < times; i++) run()
    // The first round warms up.
    if (round >= 0) taken.push((process.cpuUsage().user - before) / times)
  }
  return estimate(taken)
}

/** The server's end of a connection. */
async function realSocket(pki: Pki): Promise<{ server: Server; socket: TLSSocket }> {
  const kind: Kind = {
    version: 'TLSv1.3',
    mechanism: 'tickets',
    algorithm: 'ecdsa',
    clientCertificate: false,
  }
  const server = createServer(pki.server(kind))
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const { port } = server.address() as AddressInfo
  tls.connect(pki.options(kind, port)).on('error', () => {})
  const [socket] = (await once(server, 'secureConnection')) as [TLSSocket]
  socket.on('error', () => {})
  return { server, socket }
}

export function ownTable(costs: OwnCosts, { times, rounds }: Repeats): ResultTable {
  return {
    id: 'own',
    title: 'The hooks of this package alone',
    columns: [{ title: 'what' }, { title: 'CPU', unit: 'µs', digits: 2 }],
    rows: Object.entries(PARTS).map(([part, what]) => [what, costs[part as Part]]),
    samples: `${rounds} rounds of ${times.toLocaleString('en')} calls`,
    remark: `Only the hooks of this package, called again and again by a loop: not end to end. What Node spends on calling them is not in
it, nor what code costs that other work has pushed out of the caches. See *What a server pays for this package, and what it gains*.`,
  }
}

/** Its share in a full handshake. */
function partsOf({ version, mechanism, clientCertificate }: Kind): Part[] {
  if (mechanism === 'ids') return ['miss', clientCertificate ? 'keepWithClient' : 'keep', 'tell']
  return version === 'TLSv1.3' ? ['seal', 'seal', 'tell'] : ['seal', 'tell']
}

interface Share {
  kind: Kind
  own: number
  full: number
}

function shares(costs: OwnCosts, figures: readonly HandshakeFigures[]): Share[] {
  return kinds.flatMap(kind => {
    const alone = figures.find(each => each.kind === labelOf(kind))?.rows[0]
    if (alone === undefined) return []
    const own = partsOf(kind).reduce((sum, part) => sum + costs[part].high, 0)
    return [{ kind, own, full: alone.serverCpu.low }]
  })
}

export function shareTable(costs: OwnCosts, figures: readonly HandshakeFigures[]): ResultTable {
  return {
    id: 'own-share',
    title: 'The hooks of this package alone, of a full handshake',
    columns: [
      { title: 'kind' },
      { title: 'ours', unit: 'µs', digits: 1 },
      { title: 'a full handshake', unit: 'µs', digits: 0 },
      { title: 'ours of it', unit: '%', digits: 2 },
    ],
    rows: shares(costs, figures).map(({ kind, own, full }) => [labelOf(kind), own, full, (100 * own) / full]),
    samples: 'from the two tables above',
    remark: 'Of both figures, the end of its interval that is worse for this package.',
  }
}

export function shareTarget(costs: OwnCosts, figures: readonly HandshakeFigures[]): Target {
  const worst = Math.max(...shares(costs, figures).map(({ own, full }) => (100 * own) / full))
  return {
    figure: 'our code in a full handshake, of its CPU at the server, worst kind',
    atMost: 1,
    value: worst,
    unit: '%',
  }
}
