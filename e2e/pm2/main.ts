/**
 * `npm run test:pm2`: a server in the cluster mode of pm2, with a ring and with Node.js alone. A client resumes at any of its
 * processes: at first, after a reload, and after three times `rotateEvery`. And a client with the flag, to which pm2 passes
 * `TLS_RESUMPTION`. The last line is `N passed, M failed`.
 */
import { execFileSync } from 'node:child_process'
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
const authority = await createAuthority({ algorithm: 'ecdsa' })
const identity = await authority.issue({ usage: 'server', commonName: 'localhost', dnsNames: ['localhost'] })
for (const name of ['cert', 'key'] as const) writeFileSync(join(folder, `${name}.pem`), identity[name])
writeFileSync(join(folder, 'ca.pem'), authority.cert)

const sum = { passed: 0, failed: 0 }
try {
  const plain = await resumptions('Node alone')
  const ring = await resumptions('ring')
  for (const [what, count] of ring) check(what, count, plain.get(what) ?? 0)
  for (const value of ['on', 'off']) {
    const resumes = await flagResumes(value)
    report(
      resumes === (value === 'on'),
      `TLS_RESUMPTION=${value}: a client ${resumes ? 'resumes' : 'does not resume'}`,
    )
  }
} finally {
  pm2({}, 'kill')
  rmSync(folder, { recursive: true, force: true, maxRetries: 3 })
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

/** Starts a client with the flag, and returns whether its second connection resumes. */
async function flagResumes(value: string): Promise<boolean> {
  const server = tls.createServer(identity).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const env = { TLS_RESUMPTION: value, PORT: `${(server.address() as AddressInfo).port}`, FOLDER: folder }
  const flag = `--import ${new URL('../../lib/auto.js', import.meta.url)}`
  const resumed: boolean[] = []
  const met = new Promise<void>(resolve => {
    server.on('secureConnection', socket => {
      socket.on('error', () => {}).end('hello')
      if (resumed.push(socket.isSessionReused()) === 2) resolve()
    })
  })
  pm2(env, 'start', join(import.meta.dirname, 'client.mjs'), '-i', '1', '--name', value, '--node-args', flag)
  await met
  pm2({}, 'delete', value)
  server.close()
  return resumed[1] === true
}

/** Starts the server, and returns how many connections resumed at each point. */
async function resumptions(way: string): Promise<Map<string, number>> {
  const port = await freePort()
  const env = { WAY: way, PORT: `${port}`, FOLDER: folder, ROTATE_EVERY: `${ROTATE_EVERY}` }
  const name = way.replace(' ', '-')
  pm2(env, 'start', join(import.meta.dirname, 'app.mjs'), '-i', `${PROCESSES}`, '--name', name)
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
  pm2(env, 'reload', name)
  await listening(port)
  await count('after a reload')
  await delay(3 * ROTATE_EVERY + 500)
  await count('after three times rotateEvery')
  pm2({}, 'delete', name)
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

function pm2(env: NodeJS.ProcessEnv, ...args: string[]): void {
  const program = join(import.meta.dirname, 'node_modules', 'pm2', 'bin', 'pm2')
  execFileSync(process.execPath, [program, ...args], {
    env: {
      ...process.env,
      ...env,
      PM2_HOME: join(folder, 'home'),
      // pm2 starts its own programs by the name.
      PATH: `${dirname(process.execPath)}:${process.env.PATH}`,
    },
    stdio: ['ignore', 'ignore', 'inherit'],
  })
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
