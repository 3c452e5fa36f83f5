/** How many full handshakes processes make that share a file: at first, again, and after all were killed and started again. */
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import tls from 'node:tls'
import type { Outcome } from '../../__test__/support/outcome.ts'
import { createAuthority, type Identity } from '../../fixtures/certificates.ts'
import type { Progress } from '../lib/progress.ts'
import { estimate } from '../lib/statistics.ts'
import { judged } from '../lib/target.ts'
import type { Part } from './operations.ts'

const PROCESSES = 3
const THREADS = 2
const ENDPOINTS = 5

export async function handshakes(folder: string, runs: number, progress: Progress): Promise<Part> {
  const authority = await createAuthority({ algorithm: 'ecdsa' })
  const identity = await authority.issue({
    commonName: 'localhost',
    dnsNames: ['localhost'],
    usage: 'server',
  })
  const servers = await Promise.all(Array.from({ length: ENDPOINTS }, () => startServer(identity)))
  const ports = servers.map(server => (server.address() as AddressInfo).port)
  const [cold, warm, restarted]: [number[], number[], number[]] = [[], [], []]
  try {
    for (let run = 0; run < runs; run++) {
      progress.phase(`handshakes, run ${run + 1} of ${runs}`)
      const settings = { path: join(folder, `handshakes ${run}`), ca: authority.cert, threads: THREADS }
      const first = await startAll(settings)
      cold.push(await countFull(first, ports))
      warm.push(await countFull(first, ports))
      await killAll(first)
      const second = await startAll(settings)
      restarted.push(await countFull(second, ports))
      await killAll(second)
    }
  } finally {
    for (const server of servers) server.close()
  }
  const row = (when: string, counts: readonly number[]) => [when, estimate(counts), Math.max(...counts)]
  return {
    table: {
      id: 'handshakes',
      title: `Full handshakes of ${PROCESSES} processes with ${THREADS} threads each, to ${ENDPOINTS} endpoints at once`,
      columns: [{ title: 'when' }, { title: 'full handshakes', digits: 1 }, { title: 'most in a run' }],
      rows: [
        row('without any session', cold),
        row('again, in the same processes', warm),
        row('after all processes were killed and started again', restarted),
      ],
      samples: `${runs} runs of ${PROCESSES * THREADS * ENDPOINTS} connections each`,
    },
    targets: [
      judged({
        figure: `cold full handshakes to ${ENDPOINTS} endpoints, median`,
        atMost: ENDPOINTS,
        value: estimate(cold).median,
      }),
      judged({
        figure: `cold full handshakes to ${ENDPOINTS} endpoints, most`,
        atMost: 1.5 * ENDPOINTS,
        value: Math.max(...cold),
        reason: 'A follower waits for a bounded time. On a busy machine the full handshake takes longer.',
      }),
      judged({ figure: 'full handshakes after a restart of all', atMost: 0, value: Math.max(...restarted) }),
    ],
  }
}

async function startServer(identity: Identity): Promise<tls.Server> {
  const server = tls.createServer(identity, socket => {
    socket.on('error', () => {})
    socket.end('!')
  })
  server.on('tlsClientError', () => {})
  await once(server.listen(0, '127.0.0.1'), 'listening')
  return server
}

function startAll(settings: object): Promise<ChildProcess[]> {
  const script = new URL('../../__test__/workers/shares-file.ts', import.meta.url)
  const start = async () => {
    const child = fork(script, [JSON.stringify(settings)])
    await once(child, 'message')
    return child
  }
  return Promise.all(Array.from({ length: PROCESSES }, start))
}

/** Has each thread connect to the ports. Rejects if a connection fails. */
async function countFull(children: readonly ChildProcess[], ports: number[]): Promise<number> {
  const answers = children.map(async child => (await once(child, 'message'))[0] as Outcome[][])
  for (const child of children) child.send({ ports })
  const outcomes = (await Promise.all(answers)).flat(2)
  const failed = outcomes.find(({ authorized }) => !authorized)
  if (failed) throw new Error(`a connection failed: ${failed.refused}`)
  return outcomes.filter(({ resumed }) => !resumed).length
}

async function killAll(children: readonly ChildProcess[]): Promise<void> {
  const ends = children.map(child => once(child, 'exit'))
  for (const child of children) child.kill('SIGKILL')
  await Promise.all(ends)
}
