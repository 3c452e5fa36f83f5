/** A worker thread that connects to endpoints one after another, as a driver that reconnects does. */
import { createSecureContext, type SecureContext } from 'node:tls'
import { workerData } from 'node:worker_threads'
import type { Identity } from '../../fixtures/certificates.ts'
import { count, emptyTallies, type Kind, kindOf, type ListeningEndpoint, type Tallies } from './endpoints.ts'
import { loadMode, type ModeName } from './modes/index.ts'
import { roundTrip } from './round-trip.ts'
import { answer } from './thread.ts'
import { cpuBetween, threadCpu } from './thread-cpu.ts'

export interface ClientData {
  mode: ModeName
  ca: string
  identity: Identity
  shareContexts: boolean
  /** The number of finished connections, in shared memory, for the progress display. */
  finished: Int32Array
}

export interface Measured {
  tallies: Tallies
  /** Microseconds of CPU of this thread, if the platform reports them. */
  cpu: number | undefined
  /** Milliseconds from dialling to the echo: the kind of an endpoint, then one figure per connection. */
  latencies: number[][]
}

const { mode: name, ca, identity, shareContexts, finished } = workerData as ClientData

const client = (await loadMode(name)).client()

const contexts = new Map<Kind, SecureContext>()

function credentials(kind: Kind) {
  const options = { ca, ...(kind.clientCertificate ? identity : {}) }
  // This package shares contexts itself, and cannot know the options of a context that it did not make.
  if (!shareContexts || name === 'tls-resumption') return options
  const secureContext = contexts.get(kind) ?? createSecureContext(options)
  contexts.set(kind, secureContext)
  return { ...options, secureContext }
}

async function connectOnce(endpoint: ListeningEndpoint) {
  const kind = kindOf(endpoint)
  const dial = {
    host: '127.0.0.1',
    port: endpoint.port,
    servername: 'localhost',
    ...credentials(kind),
  }
  const result = await roundTrip(() => client.connect(dial)).catch((error: Error) => {
    throw new Error(`${kind.label}: ${error.message}`)
  })
  Atomics.add(finished, 0, 1)
  return result
}

const commands = {
  ready() {},
  /** Connects once to each endpoint and checks that the server issued a session. */
  async warmUp(endpoints: ListeningEndpoint[]): Promise<Tallies> {
    const tallies = emptyTallies()
    for (const endpoint of endpoints) {
      const { resumed, sessions } = await connectOnce(endpoint)
      if (sessions === 0) throw new Error(`${kindOf(endpoint).label}: no session came`)
      count(tallies, endpoint, resumed)
    }
    return tallies
  },
  async measure(endpoints: ListeningEndpoint[], rounds: number): Promise<Measured> {
    const tallies = emptyTallies()
    const latencies: number[][] = []
    const start = threadCpu()
    for (let round = 0; round < rounds; round++) {
      for (const endpoint of endpoints) {
        const { resumed, latency } = await connectOnce(endpoint)
        count(tallies, endpoint, resumed)
        latencies[endpoint.kind] ??= []
        latencies[endpoint.kind]?.push(latency)
      }
    }
    return { tallies, cpu: cpuBetween(start, threadCpu()), latencies }
  },
}

export type ClientCommands = typeof commands

answer(commands, () => client.close())
