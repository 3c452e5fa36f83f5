/** The program of scripts/test/soak.mjs. Prints a line from time to time, and the result at the end. */
import { type ChildProcess, fork } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { setTimeout as delay } from 'node:timers/promises'
import tls from 'node:tls'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { connect, SessionCache } from 'tls-resumption'
import { program, type Scope, startStore } from '../../__test__/support/store.ts'
import { createAuthority } from '../../fixtures/certificates.ts'
import { makeStrangers } from './strangers.ts'
import type { ThreadOptions } from './thread.ts'

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '10' },
    seed: { type: 'string', default: `${Date.now() % 1e6}` },
  },
})
const minutes = Number(values.minutes)
if (!(minutes > 0)) throw new Error('--minutes takes a positive number')
if (program === undefined) throw new Error('redis-server or valkey-server has to be installed')

const HOSTS = 2
const CLIENTS = 8
/** Far longer than any step takes on any machine. A step that waits this long hangs. */
const HUNG = 30_000
const MECHANISMS = ['id 1.2', 'ticket 1.2', 'ticket 1.3']
/** Growth of memory after the first third that is more than sampling and fragmentation. */
const GROWTH = 1.15

const random = randomFrom(Number(values.seed))
const ends: (() => unknown)[] = []
const scope: Scope = { teardown: end => ends.push(end) }
const failures: string[] = []
const counts = { full: 0, resumed: 0, abandoned: 0, bursts: 0, strangers: 0 }
const events: Record<string, number> = {}
const until = Date.now() + minutes * 60_000
const isOver = () => Date.now() >= until || failures.length > 20

/** The running servers of a thread, and the number of its clients. */
interface Place {
  host: number
  thread: number
  ports: number[]
  visitors: number
}
const places = new Map<string, Place>()
const hosts: ChildProcess[] = []
/** The memory of each process over time. */
const memory: number[][] = []

try {
  await run()
} finally {
  for (const end of ends.reverse()) await end()
}
conclude()

async function run(): Promise<void> {
  const store = await startStore(scope)
  const { cert: ca, issue } = await createAuthority({ algorithm: 'ecdsa' })
  const identity = await issue({ commonName: 'localhost', dnsNames: ['localhost'], usage: 'server' })
  const options: Omit<ThreadOptions, 'kind'> = {
    storePort: store.port,
    sealing: randomBytes(32).toString('base64'),
    rotateEvery: 20_000,
    servers: [
      { ...identity, maxVersion: 'TLSv1.2', secureOptions: 0x4000 },
      { ...identity, maxVersion: 'TLSv1.2' },
      { ...identity, minVersion: 'TLSv1.3' },
    ],
  }
  for (let n = 0; n < HOSTS; n++) hosts.push(startHost(n, options))
  while (places.size < HOSTS * 2) await delay(50)

  const troubles = trouble({
    'store killed': async () => {
      await store.kill()
      await delay(random() * 5000)
      await store.restart()
    },
    'store paused': async () => {
      store.pause()
      await delay(random() * 5000)
      store.resume()
    },
    'store flushed': () => send('FLUSHALL', store.port),
    'key rotated': async () => {
      hosts[pick(HOSTS)]?.send({ rotate: pick(2) })
    },
    'thread terminated': () => terminate(),
  })
  const clients = Array.from({ length: CLIENTS }, () => client(ca))
  await Promise.all([troubles, sample(), ...clients, bursts(ca), strangers(ca)])
}

function startHost(index: number, options: object): ChildProcess {
  const path = fileURLToPath(new URL('host.ts', import.meta.url))
  const child = fork(path, [JSON.stringify(options), `${index}`])
  scope.teardown(() => child.kill('SIGKILL'))
  child.on('exit', (code, signal) => {
    if (!isOver()) failures.push(`host ${index} ended: ${code ?? signal}`)
  })
  memory[index] = []
  child.on('message', (message: { thread: number; ports: number[] } | { rss: number }) => {
    if ('rss' in message) memory[index]?.push(message.rss)
    else {
      const { thread, ports } = message
      places.set(`${index} ${thread}`, { host: index, thread, ports, visitors: 0 })
    }
  })
  return child
}

/** Causes one disturbance after another until the time is over. */
async function trouble(kinds: Record<string, () => Promise<void>>): Promise<void> {
  const names = Object.keys(kinds)
  while (!isOver()) {
    await delay(1000 + random() * 4000)
    const name = names[pick(names.length)] ?? ''
    await kinds[name]?.()
    events[name] = (events[name] ?? 0) + 1
  }
}

/** Terminates a thread without clients, whatever it does. */
async function terminate(): Promise<void> {
  const [name, place] = [...places][pick(places.size)] ?? []
  if (name === undefined || place === undefined) return
  places.delete(name)
  while (place.visitors > 0) await delay(10)
  hosts[place.host]?.send({ terminate: place.thread })
  const began = Date.now()
  while (!places.has(name)) {
    if (Date.now() - began > HUNG) {
      failures.push('a thread did not begin again')
      return
    }
    await delay(20)
  }
}

/** A client that goes from server to server with its last session, and sometimes without one. */
async function client(ca: string): Promise<void> {
  const sessions = new Map<number, Buffer>()
  while (!isOver()) {
    const mechanism = pick(MECHANISMS.length)
    const offered = random() < 0.1 ? undefined : sessions.get(mechanism)
    const isAbandoned = random() < 0.03
    const socket = await visit(mechanism, isAbandoned, port =>
      tls.connect({ port, host: '127.0.0.1', servername: 'localhost', ca, session: offered }),
    )
    if (socket) sessions.set(mechanism, socket)
  }
}

/** Connections of this package that start at once, and wait for each other's session. */
async function bursts(ca: string): Promise<void> {
  while (!isOver()) {
    const sessionCache = new SessionCache({ max: 100 })
    const mechanism = pick(MECHANISMS.length)
    await Promise.all(
      Array.from({ length: 4 }, () =>
        visit(mechanism, false, port =>
          connect({ port, host: '127.0.0.1', servername: 'localhost', ca, sessionCache }),
        ),
      ),
    )
    sessionCache[Symbol.dispose]()
    counts.bursts++
    await delay(200)
  }
}

/** Clients of other libraries, one after the other. */
async function strangers(ca: string): Promise<void> {
  const { visits, end } = await makeStrangers(ca)
  scope.teardown(end)
  while (!isOver()) {
    for (const [name, visit] of Object.entries(visits)) {
      const mechanism = pick(MECHANISMS.length)
      const place = [...places.values()][pick(places.size)]
      if (place === undefined) continue
      place.visitors++
      try {
        const { full, resumed } = await visit(
          place.ports[mechanism] ?? 0,
          MECHANISMS[mechanism]?.endsWith('1.3') ? '1.3' : '1.2',
        )
        counts.full += full
        counts.resumed += resumed
        counts.strangers += full + resumed
      } catch (error) {
        // Only the beginning of its output: the rest may contain its secrets.
        const [what] = String(error).split('\n')
        failures.push(`${name}, ${MECHANISMS[mechanism]}: ${what}`)
      }
      place.visitors--
    }
    await delay(300)
  }
}

/** Connects to one of the servers, reads to the end, and returns the last session. */
async function visit(
  mechanism: number,
  isAbandoned: boolean,
  open: (port: number) => tls.TLSSocket,
): Promise<Buffer | undefined> {
  const place = [...places.values()][pick(places.size)]
  if (place === undefined) {
    await delay(10)
    return undefined
  }
  place.visitors++
  let session: Buffer | undefined
  let isDone = false
  const socket = open(place.ports[mechanism] ?? 0)
  const watchdog = setTimeout(() => {
    failures.push(`${MECHANISMS[mechanism]}: nothing came of a connection for ${HUNG / 1000} s`)
    socket.destroy()
  }, HUNG)
  socket.on('session', made => {
    session = made
  })
  socket.on('secureConnect', () => {
    isDone = true
    counts[socket.isSessionReused() ? 'resumed' : 'full']++
    if (socket.getProtocol() === 'TLSv1.2') session = socket.getSession()
  })
  socket.on('error', error => {
    if (!isAbandoned) failures.push(`${MECHANISMS[mechanism]}: ${error.message}`)
  })
  if (isAbandoned) setTimeout(() => socket.destroy(), random() * 5)
  socket.resume()
  await once(socket, 'close').catch(() => {})
  clearTimeout(watchdog)
  place.visitors--
  if (isAbandoned) counts.abandoned++
  else if (!isDone) failures.push(`${MECHANISMS[mechanism]}: closed before the handshake was done`)
  return session
}

/** Reads the memory after a collection, and prints the state. */
async function sample(): Promise<void> {
  let said = Date.now()
  while (!isOver()) {
    await delay(2000)
    for (const host of hosts) if (host.connected) host.send({ report: true })
    if (Date.now() - said < 30_000) continue
    said = Date.now()
    const left = Math.max(0, Math.round((until - said) / 1000))
    console.log(`${left} s left: ${JSON.stringify({ ...counts, failures: failures.length })}`)
  }
}

function conclude(): void {
  console.log(
    `\nseed ${values.seed}, ${minutes} minutes, ${HOSTS} processes of 2 threads, ${CLIENTS} clients and bursts of 4`,
  )
  console.log(`handshakes: ${JSON.stringify(counts)}`)
  console.log(`troubles: ${JSON.stringify(events)}`)
  for (const [index, samples] of memory.entries()) {
    const early = median(samples.slice(samples.length / 3, samples.length / 2))
    const late = median(samples.slice((samples.length * 5) / 6))
    const growth = late / early
    console.log(
      `memory of host ${index}: ${mib(early)} MiB in the second third, ${mib(late)} MiB in the last sixth`,
    )
    if (!(growth <= GROWTH))
      failures.push(`the memory of host ${index} grew to ${growth.toFixed(2)} times as much`)
  }
  if (counts.resumed === 0) failures.push('nothing resumed')
  for (const failure of new Set(failures)) console.log(`FAILED: ${failure}`)
  console.log(
    failures.length === 0 ? 'no failed handshake, no lost wake-up, no growth' : `${failures.length} failures`,
  )
  process.exitCode = failures.length === 0 ? 0 : 1
}

async function send(command: string, port: number): Promise<void> {
  const { Redis } = await import('ioredis')
  const operator = new Redis(port, '127.0.0.1')
  operator.on('error', () => {})
  await operator.call(command).catch(() => {})
  operator.disconnect()
}

function pick(count: number): number {
  return Math.floor(random() * count)
}

function median(numbers: readonly number[]): number {
  return [...numbers].sort((a, b) => a - b)[numbers.length >> 1] ?? Number.NaN
}

function mib(bytes: number): string {
  return (bytes / 2 ** 20).toFixed(1)
}

/** Returns the same decisions for the same seed. Threads and the network still vary. */
function randomFrom(seed: number): () => number {
  let state = seed | 0
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}
