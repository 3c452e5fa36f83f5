/** Starts Redis or Valkey servers on loopback for tests. */
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

/** `required`: tests fail if no server is installed. `off`: tests behave as if none were. Otherwise the path of a server. */
export const wanted: string | undefined = process.env.TLS_RESUMPTION_TEST_REDIS
/** The path of the server that tests use, or undefined if none is installed. */
export const program: string | undefined = choose()

function choose(): string | undefined {
  if (wanted === 'off') return undefined
  return wanted?.includes('/') ? wanted : (find('redis-server') ?? find('valkey-server'))
}

/** A test or a program that ends what was started for it. */
export interface Scope {
  teardown(end: () => unknown): void
}

export interface Store {
  port: number
  process: ChildProcess
  /** Ends the server at once. Its data is lost. */
  kill(): Promise<void>
  /** Starts an empty server on the same port. */
  restart(): Promise<void>
  pause(): void
  resume(): void
}

/** Starts a server that writes nothing to disk, and stops it when the test ends. */
export function startStore(t: Scope, ...options: string[]): Promise<Store> {
  return withRetries(async () => startStoreAt(t, await freePort(), options))
}

/** Retries, since another process may bind a port between the check that it is free and the start of the server. */
async function withRetries<T>(start: () => Promise<T>): Promise<T> {
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
    // The log is read, since another server could accept connections on the port.
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

/** Starts a cluster of three servers, each with a third of the slots. */
export async function startClusterOfStores(t: Scope): Promise<Store[]> {
  const options = ['--cluster-enabled', 'yes', '--cluster-node-timeout', '5000']
  const stores: Store[] = []
  for (let n = 0; n < 3; n++) {
    const start = async () => {
      // By default the port for other nodes is the port plus 10,000, which may be taken.
      const [port, bus] = [await freePort(), await freePort()]
      const ports = ['--cluster-port', `${bus}`, '--cluster-config-file', `${n}`]
      return startStoreAt(t, port, [...options, ...ports])
    }
    stores.push(await withRetries(start))
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

/** Connects a client of either package and closes it when the test ends. */
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

/** Connects a client to a cluster and closes it when the test ends. */
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

/** Waits until `holds` returns true. */
export async function until(holds: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await holds())) await new Promise(resolve => setTimeout(resolve, 20))
}

/** A TCP proxy between a client and a store that can delay replies or cut them off. */
export class Line {
  delay = 0
  /** The number of reply bytes that still pass before the connection is cut. */
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
        // Replies keep their order, even if the delay changes.
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
