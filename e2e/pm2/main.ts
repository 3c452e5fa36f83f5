/**
 * `npm run test:pm2`: a server in the cluster mode of pm2, with a ring, with one in a file, and with Node.js alone. A client
 * resumes at any of its processes: at first, after a reload, and after three times `rotateEvery`. With a ring in a file it
 * also does after a restart of all processes. Clients with the flag get `TLS_RESUMPTION` or `TLS_RESUMPTION_PATH` from pm2.
 * The last line is `N passed, M failed`.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import net, { type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import tls from 'node:tls'
import { createAuthority } from '../../fixtures/certificates.ts'

const PROCESSES = 2
const VISITS = 12
const ROTATE_EVERY = 3000
const VERSIONS = ['TLSv1.2', 'TLSv1.3'] as const

const folder = mkdtempSync(join(tmpdir(), 'tls-resumption-pm2-'))
const shared = mkdtempSync('/dev/shm/tls-resumption-pm2-')
const authority = await createAuthority({ algorithm: 'ecdsa' })
const identity = await authority.issue({ usage: 'server', commonName: 'localhost', dnsNames: ['localhost'] })
for (const name of ['cert', 'key'] as const) writeFileSync(join(folder, `${name}.pem`), identity[name])
writeFileSync(join(folder, 'ca.pem'), authority.cert)

const sum = { passed: 0, failed: 0 }
try {
  const plain = await resumptions('Node alone')
  const ring = await resumptions('ring')
  for (const [what, count] of ring) check(what, count, plain.get(what) ?? 0)
  const inFile = await resumptions('ring in a file')
  for (const [what, count] of inFile) check(`ring in a file, ${what}`, count, plain.get(what) ?? 0)
  await shareSessions()
  for (const value of ['on', 'off']) {
    const resumes = await flagResumes(value)
    report(
      resumes === (value === 'on'),
      `TLS_RESUMPTION=${value}: a client ${resumes ? 'resumes' : 'does not resume'}`,
    )
  }
} finally {
  await pm2({}, 'kill')
  for (const each of [folder, shared]) rmSync(each, { recursive: true, force: true, maxRetries: 3 })
}
process.stdout.write(`\n${sum.passed} passed, ${sum.failed} failed\n`)
process.exit(sum.failed ? 1 : 0)

/** The ring must resume each connection, and so not fewer than Node alone. */
function check(what: string, count: number, plain: number): void {
  const isRight = count >= plain && count === VISITS
  report(isRight, `${what}: ${count} of ${VISITS} resumed, with Node alone ${plain}`)
}

function report(isRight: boolean, what: string): void {
  sum[isRight ? 'passed' : 'failed']++
  process.stdout.write(`${isRight ? '✔' : '✘'} pm2, ${what}\n`)
}

/** A server that notes how each connection began. */
async function startNoting() {
  const resumed: boolean[] = []
  const server = tls.createServer(identity).listen(0, '127.0.0.1')
  await once(server, 'listening')
  server.on('secureConnection', socket => {
    socket.on('error', () => {}).end('hello')
    resumed.push(socket.isSessionReused())
    server.emit('noted')
  })
  return {
    port: `${(server.address() as AddressInfo).port}`,
    /** Waits for that many connections, and returns how many were full handshakes. */
    async countFull(connections: number): Promise<number> {
      while (resumed.length < connections) await once(server, 'noted')
      return resumed.splice(0, connections).filter(isResumed => !isResumed).length
    },
    close: () => server.close(),
  }
}

async function startClients(env: NodeJS.ProcessEnv, name: string, count: number): Promise<void> {
  const flag = `--import ${new URL('../../lib/auto.js', import.meta.url)}`
  const script = join(import.meta.dirname, 'client.mjs')
  await pm2(
    { ...env, FOLDER: folder },
    'start',
    script,
    '-i',
    `${count}`,
    '--name',
    name,
    '--node-args',
    flag,
  )
}

/** Starts a client with the flag, and returns whether its second connection resumes. */
async function flagResumes(value: string): Promise<boolean> {
  const server = await startNoting()
  await startClients({ TLS_RESUMPTION: value, PORT: server.port }, value, 1)
  const full = await server.countFull(2)
  await pm2({}, 'delete', value)
  server.close()
  return full === 1
}

/** Starts clients that share a file, reloads them and restarts them. Each makes two connections. */
async function shareSessions(): Promise<void> {
  const server = await startNoting()
  const env = { TLS_RESUMPTION_PATH: join(shared, 'sessions'), PORT: server.port }
  const connections = 2 * PROCESSES
  await startClients(env, 'shared', PROCESSES)
  const cold = await server.countFull(connections)
  report(cold >= 1 && cold <= PROCESSES, `clients with a file: ${cold} of ${connections} full at first`)
  for (const what of ['reload', 'restart']) {
    await pm2({}, what, 'shared')
    const full = await server.countFull(connections)
    report(full === 0, `clients with a file: ${full} of ${connections} full after a ${what}`)
  }
  await pm2({}, 'delete', 'shared')
  server.close()
}

/** Starts the server, and returns how many connections resumed at each point. */
async function resumptions(way: string): Promise<Map<string, number>> {
  const port = await freePort()
  const env = {
    WAY: way,
    PORT: `${port}`,
    FOLDER: folder,
    ROTATE_EVERY: `${ROTATE_EVERY}`,
    KEYS: join(shared, 'keys'),
  }
  const name = way.replaceAll(' ', '-')
  await pm2(env, 'start', join(import.meta.dirname, 'app.mjs'), '-i', `${PROCESSES}`, '--name', name)
  await listening(port)
  const counts = new Map<string, number>()
  const clients = VERSIONS.map(version => ({ version, ...client(port, version) }))
  const count = async (when: string) => {
    for (const { version, visit } of clients) {
      const pids = new Set<string>()
      let resumed = 0
      for (let n = 0; n < VISITS; n++) {
        const one = await visit()
        pids.add(one.pid)
        resumed += Number(one.resumed)
      }
      if (pids.size < PROCESSES) throw new Error(`${way}, ${when}: all connections came to one process`)
      counts.set(`${version}, ${when}`, resumed)
    }
  }
  for (const { visit } of clients) await visit()
  await count('at first')
  await pm2(env, 'reload', name)
  await listening(port)
  await count('after a reload')
  await delay(3 * ROTATE_EVERY + 500)
  await count('after three times rotateEvery')
  if (way !== 'ring') {
    await pm2(env, 'restart', name)
    await listening(port)
    await count('after a restart of all')
  }
  await pm2({}, 'delete', name)
  return counts
}

/** A client that offers the latest session. */
function client(port: number, version: tls.SecureVersion) {
  let session: Buffer | undefined
  const visit = (): Promise<{ pid: string; resumed: boolean }> =>
    new Promise((resolve, reject) => {
      const socket = tls.connect({
        port,
        host: '127.0.0.1',
        servername: 'localhost',
        ca: authority.cert,
        session,
        minVersion: version,
        maxVersion: version,
      })
      let pid = ''
      let resumed = false
      socket.on('session', latest => {
        session = latest
      })
      socket.on('data', data => {
        pid += data
        resumed = socket.isSessionReused()
      })
      socket.on('error', reject)
      socket.on('close', () => resolve({ pid, resumed }))
    })
  return { visit }
}

/** Runs pm2. The servers of this process answer at the same time. */
async function pm2(env: NodeJS.ProcessEnv, ...args: string[]): Promise<void> {
  const program = join(import.meta.dirname, 'node_modules', 'pm2', 'bin', 'pm2')
  const child = spawn(process.execPath, [program, ...args], {
    env: {
      ...process.env,
      ...env,
      PM2_HOME: join(folder, 'home'),
      // pm2 starts its own programs by the name.
      PATH: `${dirname(process.execPath)}:${process.env.PATH}`,
    },
    stdio: ['ignore', 'ignore', 'inherit'],
  })
  const [code] = await once(child, 'exit')
  if (code !== 0) throw new Error(`pm2 ${args.join(' ')} ended with ${code}`)
}

async function freePort(): Promise<number> {
  const server = net.createServer()
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  await new Promise(resolve => server.close(resolve))
  return port
}

/** Waits until the server accepts connections. All processes listen a moment later. */
async function listening(port: number): Promise<void> {
  const isListening = () =>
    new Promise<boolean>(resolve => {
      const socket = net.connect(port, '127.0.0.1', () => resolve(true))
      socket.on('error', () => resolve(false)).on('connect', () => socket.destroy())
    })
  while (!(await isListening())) await delay(50)
  await delay(2000)
}
