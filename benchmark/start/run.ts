/** Runs one mode in new threads, so that no mode inherits state from another. */
import type { Authority, Identity } from '../../fixtures/certificates.ts'
import type { ClientCommands, ClientData, Measured } from './client.ts'
import { endpoints, type ListeningEndpoint, sum, type Tallies } from './endpoints.ts'
import type { ModeName } from './modes/index.ts'
import type { Options } from './options.ts'
import type { ServerCommands, ServerData } from './server.ts'
import { Thread } from './thread.ts'
import { cpuBetween } from './thread-cpu.ts'

/** Two, so that servers have threads that share no heap either. */
export const SERVER_THREADS = 2

export interface Identities {
  authority: Authority
  server: Identity
  client: Identity
}

export interface Observer {
  phase(text: string): void
  /** Called several times a second with the number of finished connections of the measured phase. */
  finished(connections: number, of: number): void
}

export interface ModeRun {
  mode: ModeName
  seconds: number
  warmUp: Tallies
  measured: Tallies
  /** What the servers counted, including the warm-up. */
  server: Tallies
  /** Microseconds of CPU of all threads of a side, in the measured phase. */
  clientCpu: number | undefined
  serverCpu: number | undefined
  /** Milliseconds by kind of endpoint. */
  latencies: number[][]
  errors: string[]
}

type ClientThread = Thread<ClientCommands>
type ServerThread = Thread<ServerCommands>

export async function runMode(
  mode: ModeName,
  options: Options,
  identities: Identities,
  observer: Observer,
): Promise<ModeRun> {
  const finished = new Int32Array(new SharedArrayBuffer(4))
  const servers = startServers(mode, identities)
  const clients = startClients(mode, options, identities, finished)
  try {
    const run = await measure(mode, options.rounds, { servers, clients, finished, observer })
    await Promise.all([...clients, ...servers].map(thread => thread.stop()))
    return run
  } finally {
    await Promise.all([...clients, ...servers].map(thread => thread.terminate()))
  }
}

interface Setting {
  servers: ServerThread[]
  clients: ClientThread[]
  finished: Int32Array
  observer: Observer
}

async function measure(
  mode: ModeName,
  rounds: number,
  { servers, clients, finished, observer }: Setting,
): Promise<ModeRun> {
  observer.phase(`${mode}: starting threads`)
  const [listening] = await Promise.all([
    Promise.all(servers.map(server => server.call('listen'))),
    Promise.all(clients.map(client => client.call('ready'))),
  ])
  const targets = listening.flat().sort((a, b) => a.id - b.id)

  observer.phase(`${mode}: one connection to each endpoint`)
  const [first] = clients
  if (first === undefined) throw new RangeError('at least one client thread is needed')
  const warmUp = await first.call('warmUp', targets)

  observer.phase(`${mode}: measuring`)
  const before = await Promise.all(servers.map(server => server.call('cpu')))
  Atomics.store(finished, 0, 0)
  const connections = clients.length * targets.length * rounds
  const ticker = setInterval(() => observer.finished(Atomics.load(finished, 0), connections), 200)
  const started = performance.now()
  let measured: Measured[]
  try {
    measured = await Promise.all(
      clients.map((client, index) => client.call('measure', startingAt(targets, index), rounds)),
    )
  } finally {
    clearInterval(ticker)
  }
  const seconds = (performance.now() - started) / 1000
  const after = await Promise.all(servers.map(server => server.call('cpu')))
  const counts = await Promise.all(servers.map(server => server.call('counts')))

  return {
    mode,
    seconds,
    warmUp,
    measured: sum(measured.map(({ tallies }) => tallies)),
    server: sum(counts.map(({ tallies }) => tallies)),
    clientCpu: addUp(measured.map(({ cpu }) => cpu)),
    serverCpu: addUp(after.map((end, index) => cpuBetween(before[index], end))),
    latencies: measured.reduce<number[][]>(
      (all, { latencies }) => latencies.map((of, kind) => [...(all[kind] ?? []), ...of]),
      [],
    ),
    errors: counts.flatMap(({ errors }) => errors),
  }
}

function startServers(mode: ModeName, { authority, server: identity }: Identities): ServerThread[] {
  return Array.from({ length: SERVER_THREADS }, (_, index) => {
    const data: ServerData = {
      mode,
      ca: authority.cert,
      identity,
      // Consecutive endpoints have different kinds, so each thread gets some of every kind.
      endpoints: endpoints.filter(({ id }) => Math.floor((id * SERVER_THREADS) / endpoints.length) === index),
    }
    return new Thread<ServerCommands>(`server ${index}`, new URL('./server.ts', import.meta.url), data)
  })
}

function startClients(
  mode: ModeName,
  { workers, shareContexts }: Options,
  { authority, client: identity }: Identities,
  finished: Int32Array,
): ClientThread[] {
  const data: ClientData = { mode, ca: authority.cert, identity, shareContexts, finished }
  return Array.from(
    { length: workers },
    (_, index) =>
      new Thread<ClientCommands>(`client ${index}`, new URL('./client.ts', import.meta.url), data),
  )
}

/** Each thread starts at another endpoint. Otherwise all would queue at one server while the others are idle. */
function startingAt(targets: ListeningEndpoint[], index: number): ListeningEndpoint[] {
  const start = index % targets.length
  return [...targets.slice(start), ...targets.slice(0, start)]
}

/** Known only if every part is known. */
function addUp(parts: readonly (number | undefined)[]): number | undefined {
  return parts.reduce<number | undefined>(
    (sum, part) => (sum === undefined || part === undefined ? undefined : sum + part),
    0,
  )
}
