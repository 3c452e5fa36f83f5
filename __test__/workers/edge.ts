/**
 * A cluster of two workers at one port. A client hops between them with the session that it got last. Prints, for each
 * version of TLS, how many of the hops to another process resumed. The primary loads the package only on request.
 */
import cluster, { type Worker } from 'node:cluster'
import { once } from 'node:events'
import tls from 'node:tls'

export interface EdgeOptions {
  identity: { cert: string; key: string }
  /** The mechanisms that the workers use. None with plain Node. */
  workers: ('ids' | 'ring' | 'unnamed ring' | 'compat')[]
  /** When the primary makes a ring. */
  primary?: 'early' | 'late'
  byName?: 'addContext' | 'SNICallback'
  rotateEvery?: number
  /** An action before the last hops. */
  step?: 'wait three intervals' | 'replace workers' | 'rotate in a worker' | 'revoke in a worker'
}

const HOPS = 12
const options: EdgeOptions = JSON.parse(process.argv[2] ?? '{}')
const { identity, workers: uses, rotateEvery = 3_600_000 } = options

async function worker(): Promise<void> {
  const byName = options.byName === 'SNICallback' && {
    SNICallback: (_: string, done: (error: null, context: tls.SecureContext) => void) =>
      done(null, tls.createSecureContext(identity)),
  }
  const server = tls.createServer({ ...identity, ...byName }, socket => {
    socket.on('error', () => {})
    socket.end(`${process.pid}`)
  })
  if (options.byName === 'addContext') server.addContext('other.test', identity)
  const act: Record<string, () => unknown> = {}
  if (uses.length > 0) {
    const { resumeSessions, revokeSessions, SessionCache, TicketKeys } = await import('tls-resumption')
    if (uses.includes('ids')) resumeSessions(server, { sessionCache: new SessionCache({ name: 'edge' }) })
    if (uses.includes('compat')) (await import('tls-resumption/compat')).default(server)
    const isNamed = uses.includes('ring')
    if (isNamed || uses.includes('unnamed ring')) {
      const keys = new TicketKeys(isNamed ? { name: 'edge', rotateEvery } : { rotateEvery })
      keys.attach(server)
      act.rotate = () => keys.rotate()
    }
    act.revoke = () => revokeSessions(server)
  }
  process.on('message', async (message: string) => {
    if (!(message in act)) return
    const said = await Promise.resolve(act[message]?.()).then(
      () => 'done',
      (error: { code?: string }) => error.code,
    )
    process.send?.({ said })
  })
  server.listen(0, '127.0.0.1')
}

async function primary(): Promise<void> {
  cluster.schedulingPolicy = cluster.SCHED_RR
  const ring = async () => new (await import('tls-resumption')).TicketKeys({ name: 'edge', rotateEvery })
  const rings: unknown[] = []
  if (options.primary === 'early') rings.push(await ring())
  let port = 0
  const fork = async () => {
    const worker = cluster.fork()
    port = ((await once(worker, 'listening')) as [{ port: number }])[0].port
    return worker
  }
  let workers = [await fork(), await fork()]
  if (options.primary === 'late') {
    await delay(500)
    rings.push(await ring())
    await delay(1000)
  }
  const clients = ['TLSv1.2', 'TLSv1.3'].map(version => new Client(version as tls.SecureVersion))
  const hop = async () => {
    const counts: Record<string, string> = {}
    for (const client of clients) counts[client.version] = await client.hop(port, HOPS)
    return counts
  }
  const result: Record<string, unknown> = { first: await hop() }
  if (options.step === 'wait three intervals') await delay(3 * rotateEvery + 500)
  if (options.step === 'replace workers') workers = await replaceAll(workers, fork)
  if (options.step === 'rotate in a worker') result.said = await ask(workers[0] as Worker, 'rotate')
  if (options.step === 'revoke in a worker') {
    result.said = await ask(workers[0] as Worker, 'revoke')
    for (const client of clients) result[`${client.version} after it`] = await client.connect(port)
  }
  if (options.step) result.afterwards = await hop()
  console.log(JSON.stringify(result))
  for (const worker of workers) worker.kill()
  process.exit()
}

/** As `pm2 reload` does: a new worker listens before the old one ends. */
async function replaceAll(workers: Worker[], fork: () => Promise<Worker>): Promise<Worker[]> {
  const replaced: Worker[] = []
  for (const worker of workers) {
    replaced.push(await fork())
    worker.disconnect()
    await once(worker, 'exit')
  }
  return replaced
}

async function ask(worker: Worker, what: string): Promise<string> {
  worker.send(what)
  for (;;) {
    const [message] = await once(worker, 'message')
    if (message?.said) return message.said
  }
}

class Client {
  readonly version: tls.SecureVersion
  #session: Buffer | undefined
  #last = ''

  constructor(version: tls.SecureVersion) {
    this.version = version
  }

  /** Returns whether the connection resumed. */
  async connect(port: number): Promise<boolean> {
    const socket = tls.connect({
      port,
      host: '127.0.0.1',
      servername: 'localhost',
      rejectUnauthorized: false,
      minVersion: this.version,
      maxVersion: this.version,
      session: this.#session,
    })
    let isResumed = false
    socket.on('session', session => {
      this.#session = session
    })
    socket.on('secureConnect', () => {
      isResumed = socket.isSessionReused()
      if (this.version === 'TLSv1.2') this.#session = socket.getSession()
    })
    this.#last = ''
    socket.setEncoding('utf8').on('data', text => {
      this.#last += text
    })
    await once(socket, 'close')
    return isResumed
  }

  /** Returns how many of the connections resumed that came to another process than the one before: all, or a share. */
  async hop(port: number, times: number): Promise<string> {
    let [hops, resumed] = [0, 0]
    for (let n = 0; n <= times; n++) {
      const before = this.#last
      const isResumed = await this.connect(port)
      if (before === '' || before === this.#last) continue
      hops++
      if (isResumed) resumed++
    }
    return hops >= times / 2 && resumed === hops ? 'all' : `${resumed}/${hops}`
  }
}

function delay(ms: number): Promise<void> {
  return new Promise(resolve => setTimeout(resolve, ms))
}

if (cluster.isPrimary) await primary()
else await worker()
