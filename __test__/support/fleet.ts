/** Hosts of a fleet, each a process with arguments of its own, and clients that go from host to host. */
import { type ChildProcess, fork } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import tls from 'node:tls'
import { fileURLToPath } from 'node:url'
import type { ExecutionContext } from 'ava'
import type { HostOptions, HostReport } from '../workers/host.ts'
import { TYPESCRIPT } from '../workers/spawn.ts'
import { SSL_OP_NO_TICKET, testAuthority } from './server.ts'
import { until } from './store.ts'

const program = fileURLToPath(new URL('../workers/host.ts', import.meta.url))

/** What a client can rely on, and how a server is to be for it to be relied on. */
const SERVERS: Record<string, tls.TlsOptions> = {
  'ids of TLS 1.2': { maxVersion: 'TLSv1.2', secureOptions: SSL_OP_NO_TICKET },
  'tickets of TLS 1.2': { maxVersion: 'TLSv1.2' },
  'tickets of TLS 1.3': { minVersion: 'TLSv1.3' },
}
export const MECHANISMS = Object.keys(SERVERS)
const TLS_1_3 = MECHANISMS.indexOf('tickets of TLS 1.3')

export interface Host {
  process: ChildProcess
  /** Of each server. */
  ports: number[]
  report(): Promise<HostReport>
}

export interface Fleet {
  options: HostOptions
  ca: string
}

export async function fleet(
  ports: number[],
  kind: HostOptions['kind'],
  uses?: HostOptions['uses'],
): Promise<Fleet> {
  const { cert: ca, issue } = await testAuthority()
  const identity = await issue({ commonName: 'localhost', dnsNames: ['localhost'], usage: 'server' })
  const servers = Object.values(SERVERS).map(options => ({ ...identity, ...options }))
  return { options: { kind, ports, sealing: randomBytes(32).toString('base64'), servers, uses }, ca }
}

export function start(t: ExecutionContext, site: Fleet, ...args: string[]): Promise<Host> {
  return startOn(process.execPath, t, site, ...args)
}

/** Starts a host on another Node.js. */
export async function startOn(
  execPath: string,
  t: ExecutionContext,
  { options }: Fleet,
  ...args: string[]
): Promise<Host> {
  const child = fork(program, [JSON.stringify(options), ...args], { execPath, execArgv: TYPESCRIPT })
  t.teardown(() => child.kill('SIGKILL'))
  const [ports] = await Promise.race([
    once(child, 'message'),
    once(child, 'exit').then(() => Promise.reject(new Error('the host ended'))),
  ])
  const report = async (): Promise<HostReport> => {
    const answer = once(child, 'message')
    child.send('report')
    return (await answer)[0]
  }
  return { process: child, ports, report }
}

/** A client of one mechanism that goes from host to host with what the last one gave it. */
export function client({ ca }: Fleet, mechanism = TLS_1_3) {
  let session: Buffer | undefined
  return async ({ ports }: Host): Promise<boolean> => {
    const port = ports[mechanism] ?? 0
    const socket = tls.connect({ port, ca, host: '127.0.0.1', servername: 'localhost', session })
    let resumed = false
    socket.on('session', made => {
      session = made
    })
    socket.once('secureConnect', () => {
      resumed = socket.isSessionReused()
      // Node.js emits no session for a TLS 1.2 ticket that a resumption renews.
      if (socket.getProtocol() === 'TLSv1.2') session = socket.getSession()
    })
    socket.resume()
    await once(socket, 'close')
    return resumed
  }
}

/** Waits until all hosts have one ring. Each host starts with a key of its own. */
export async function meet(site: Fleet, [first, ...others]: readonly [Host, ...Host[]]): Promise<void> {
  for (const other of others) {
    await until(async () => {
      const visits = client(site)
      await visits(first)
      return visits(other)
    })
  }
}
