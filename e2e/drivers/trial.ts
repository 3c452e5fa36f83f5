import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import type { Handshake } from './handshake.ts'
import { start, stop } from './processes.ts'
import type { Counts, Protocol, Running, Site } from './site.ts'

/**
 * How a driver comes to resume: not at all, by `node --import tls-resumption/auto`, or by an option of its own that
 * takes a socket, an agent or a connector.
 */
export type How = 'off' | 'auto' | 'option'

/** One driver in a process of its own. It connects several times in the main thread, and then in a worker. */
export interface Trial {
  driver: string
  how: How
  protocol: Protocol
}

/** The handshakes of the trial, a list per visit. Most drivers connect once per visit, some more often. */
export interface Seen {
  main: Handshake[][]
  worker: Handshake[][]
  /** The server's own counts of the same handshakes, if it has them. */
  told: Counts | undefined
}

const VISITS = { main: 4, worker: 3 }
const root = fileURLToPath(new URL('../../', import.meta.url))
const program = fileURLToPath(new URL('drive.mjs', import.meta.url))

/** Long, because only a missing event takes that long. */
const TIMEOUT = 60_000

/** @throws if a visit fails: no connection, a wrong answer, or no answer in time. */
export async function attempt(
  { driver, how, protocol }: Trial,
  site: Site,
  { endpoint, counts }: Running,
): Promise<Seen> {
  const { ca } = site.files
  const common = { host: 'localhost', address: '127.0.0.1', port: site.relay.port, ca: site.authority.cert }
  const config = { driver, how, endpoint: { ...common, ...site.client, ...endpoint } }
  const before = await counts?.()
  const flags = protocol === 'TLSv1.2' ? ['--tls-max-v1.2'] : ['--tls-min-v1.3']
  const auto = how === 'auto' ? ['--import', 'tls-resumption/auto'] : []
  const child = start([process.execPath, ...flags, ...auto, program, JSON.stringify(config)], {
    cwd: root,
    env: { ...process.env, NODE_EXTRA_CA_CERTS: ca, ...(how === 'off' ? { TLS_RESUMPTION: 'off' } : {}) },
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  })
  try {
    const visit = async (thread: 'main' | 'worker') => {
      child.send(thread)
      const answered = once(child, 'message', { signal: AbortSignal.timeout(TIMEOUT) })
      const ended = once(child, 'exit').then(() => [{ error: 'the process ended' }])
      const [answer]: { error?: string }[] = await Promise.race([answered, ended])
      const handshakes = await site.relay.take(TIMEOUT)
      if (answer?.error) throw new Error(`connecting in the ${thread} thread: ${answer.error}`)
      const odd = handshakes.find(handshake => handshake.protocol !== protocol)
      if (odd) throw new Error(`a connection was of ${odd.protocol}`)
      if (handshakes.length === 0) throw new Error(`no connection was made in the ${thread} thread`)
      return handshakes
    }
    const main = await times(VISITS.main, () => visit('main'))
    const worker = await times(VISITS.worker, () => visit('worker'))
    return { main, worker, told: await added(before, counts, [...main, ...worker].flat().length) }
  } finally {
    await stop(child)
  }
}

async function times<T>(count: number, act: () => Promise<T>): Promise<T[]> {
  const results = []
  for (let i = 0; i < count; i++) results.push(await act())
  return results
}

/** The increase of the counts. A log may be a moment late. */
async function added(
  before: Counts | undefined,
  counts: Running['counts'],
  atLeast: number,
): Promise<Counts | undefined> {
  if (!before || !counts) return undefined
  const deadline = Date.now() + TIMEOUT
  for (;;) {
    const now = await counts()
    const grown = { full: now.full - before.full, resumed: now.resumed - before.resumed }
    if (grown.full + grown.resumed >= atLeast || Date.now() > deadline) return grown
    await new Promise(resolve => setTimeout(resolve, 50))
  }
}
