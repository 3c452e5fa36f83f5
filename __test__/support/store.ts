/** Redis or Valkey servers of the tests' own, on loopback. */
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs'
import net, { type AddressInfo, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Cluster, Redis } from 'ioredis'
import { createClient, createCluster } from 'redis'
import { find } from '../../e2e/drivers/debian.ts'
import { freePort, startLogged, stop, untilReady } from '../../e2e/drivers/processes.ts'

/** `required`: the tests fail where there is no server; `off`: as if there were none; or the path of one. */
export const wanted: string | undefined = process.env.TLS_RESUMPTION_TEST_REDIS
/** The server that is used, if one is installed. */
export const program: string | undefined = choose()

function choose(): string | undefined {
  if (wanted === 'off') return undefined
  return wanted?.includes('/') ? wanted : (find('redis-server') ?? find('valkey-server'))
}

/** Who has things ended: a test, or a program. */
export interface Scope {
  teardown(end: () => unknown): void
}

export interface Store {
  port: number
  process: ChildProcess
  /** Ends it at once, with all that it held. */
  kill(): Promise<void>
  /** Starts another one, empty, on the same port. */
  restart(): Promise<void>
  pause(): void
  resume(): void
}

/** Starts a server that keeps nothing on disk, and ends it with the test. */
export function startStore(t: Scope, ...options: string[]): Promise<Store> {
  return severalTimes(async () => startStoreAt(t, await freePort(), options))
}

/** Somebody else may take a port between its being free and a server's taking it. */
async function severalTimes<T>(start: () => Promise<T>): Promise<T> {
  for (let left = 4; ; left--) {
    try {
      return await start()
    } catch (error) {
      if (left === 0) throw error
    }
  }
}

async function startStoreAt(t: Scope, port: number, options: readonly string[]): Promise<Store> {
  const directory = mkdtempSync(join(tmpdir(), 'tls-resumption-redis-'))
  const log = join(directory, 'log')
  const command = [program ?? '', '--port', `${port}`, '--bind', '127.0.0.1', '--dir', directory]
  const start = async () => {
    const before = existsSync(log) ? statSync(log).size : 0
    const child = startLogged([...command, '--save', '', '--appendonly', 'no', ...options], log, {})
    // What accepts connections there could be somebody else's.
    const isReady = () => /eady to accept connections/.test(readFileSync(log, 'latin1').slice(before))
    await untilReady(child, log, async () => isReady(), 30_000)
    return child
  }
  const store: Store = {
    port,
    process: await start(),
    async kill() {
      const exit = once(store.process, 'exit')
      send('SIGKILL')
      await exit
    },
    async restart() {
      store.process = await start()
    },
    pause: () => send('SIGSTOP'),
    resume: () => send('SIGCONT'),
  }
  const send = (signal: NodeJS.Signals) => store.process.kill(signal)
  t.teardown(async () => {
    send('SIGCONT')
    await stop(store.process)
    rmSync(directory, { recursive: true, force: true })
  })
  return store
}

/** The same as a cluster of three, each with a third of the slots. */
export async function startClusterOfStores(t: Scope): Promise<Store[]> {
  const options = ['--cluster-enabled', 'yes', '--cluster-node-timeout', '5000']
  const stores: Store[] = []
  for (let n = 0; n < 3; n++) {
    const start = async () => {
      // A node's second port, for the others, is 10,000 above unless told.
      const [port, bus] = [await freePort(), await freePort()]
      const ports = ['--cluster-port', `${bus}`, '--cluster-config-file', `${n}`]
      return startStoreAt(t, port, [...options, ...ports])
    }
    stores.push(await severalTimes(start))
  }
  const clients = stores.map(({ port }) => new Redis(port, '127.0.0.1'))
  t.teardown(() => {
    for (const client of clients) client.disconnect()
  })
  const [first] = clients
  for (const [index, client] of clients.entries()) {
    const third = Math.ceil(16_384 / 3)
    await client.call('CLUSTER', 'ADDSLOTSRANGE', index * third, Math.min(16_383, (index + 1) * third - 1))
    const info = stores[index]
    const bus = Number(String(await client.call('CONFIG', 'GET', 'cluster-port')).split(',')[1])
    if (index > 0) await first?.call('CLUSTER', 'MEET', '127.0.0.1', `${info?.port}`, `${bus}`)
  }
  for (const client of clients) {
    await until(async () => String(await client.call('CLUSTER', 'INFO')).includes('cluster_state:ok'))
    await until(async () => String(await client.call('CLUSTER', 'INFO')).includes('cluster_known_nodes:3'))
  }
  return stores
}

export type ClientKind = 'ioredis' | 'redis'
export const CLIENTS: readonly ClientKind[] = ['ioredis', 'redis']

/** A connected client of either package, closed with the test. */
export async function connectTo(t: Scope, kind: ClientKind, port: number) {
  if (kind === 'ioredis') {
    const client = new Redis(port, '127.0.0.1', { retryStrategy: () => 100, maxRetriesPerRequest: null })
    client.on('error', () => {})
    t.teardown(() => client.disconnect())
    await once(client, 'ready')
    return client
  }
  const client = createClient({
    socket: { host: '127.0.0.1', port, reconnectStrategy: () => 100 },
  })
  client.on('error', () => {})
  await client.connect()
  t.teardown(() => client.destroy())
  return client
}

/** The same for a cluster. */
export async function connectToCluster(t: Scope, kind: ClientKind, stores: readonly Store[]) {
  if (kind === 'ioredis') {
    const cluster = new Cluster(stores.map(({ port }) => ({ host: '127.0.0.1', port })))
    cluster.on('error', () => {})
    t.teardown(() => cluster.disconnect())
    await once(cluster, 'ready')
    return cluster
  }
  const cluster = createCluster({
    rootNodes: stores.map(({ port }) => ({ url: `redis://127.0.0.1:${port}` })),
  })
  cluster.on('error', () => {})
  await cluster.connect()
  t.teardown(() => cluster.destroy())
  return cluster
}

/** Waits for something to become true; how long that takes is not what is tested. */
export async function until(holds: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await holds())) await new Promise(resolve => setTimeout(resolve, 20))
}

/** Stands between client and store, and can hold replies back, or cut them off. */
export class Line {
  delay = 0
  /** How many bytes of the next replies still pass before the connection is cut. */
  budget = Number.POSITIVE_INFINITY
  readonly #server: net.Server
  readonly #sockets = new Set<Socket>()

  private constructor(to: number) {
    this.#server = net.createServer(client => {
      const store = net.connect(to, '127.0.0.1')
      for (const socket of [client, store]) {
        this.#sockets.add(socket)
        socket.on('error', () => {})
        socket.on('close', () => {
          this.#sockets.delete(socket)
          client.destroy()
          store.destroy()
        })
      }
      client.on('data', (chunk: Buffer) => store.write(chunk))
      let last = Promise.resolve()
      store.on('data', (chunk: Buffer) => {
        // In their order, whatever the delay becomes meanwhile.
        const due = new Promise(resolve => setTimeout(resolve, this.delay))
        last = Promise.all([last, due]).then(() => this.#pass(client, chunk))
      })
    })
  }

  static async to(t: Scope, store: Store): Promise<Line> {
    const line = new Line(store.port)
    line.#server.listen(0, '127.0.0.1')
    await once(line.#server, 'listening')
    t.teardown(() => {
      line.#server.close()
      for (const socket of line.#sockets) socket.destroy()
    })
    return line
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port
  }

  #pass(client: Socket, chunk: Buffer): void {
    if (client.destroyed) return
    const length = Math.min(this.budget, chunk.length)
    this.budget -= length
    client.write(chunk.subarray(0, length))
    if (length < chunk.length) client.end()
  }
}
