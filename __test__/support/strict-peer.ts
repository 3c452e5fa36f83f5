import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import type { ExecutionContext } from 'ava'
import { testAuthority } from './server.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))

let program: Promise<string> | undefined

/** Returns the path of the program of `crates/test-peer`. Builds it unless `TLS_RESUMPTION_TEST_PEER` has the path. */
export function peerProgram(): Promise<string> {
  const { TLS_RESUMPTION_TEST_PEER: built } = process.env
  if (built) return Promise.resolve(built)
  program ??= promisify(execFile)(
    'cargo',
    ['build', '--locked', '--quiet', '--package', 'tls-resumption-peer', '--target-dir', 'target'],
    { cwd: root },
  ).then(() => join(root, 'target', 'debug', 'tls-resumption-peer'))
  return program
}

/** The report of the peer about one connection. */
export interface Said {
  /** True if the client offered a session. */
  offered?: boolean
  version?: string
  kind?: 'Full' | 'Resumed'
  servername?: string
  client?: boolean
  /** How the connection ended, or what the peer did instead of a handshake. */
  did?: 'end' | 'close' | 'alert' | 'hang'
  error?: string
}

export interface Peer {
  port: number
  ca: string
  /** All reports about handshakes so far. */
  said: Said[]
  /** Waits for `count` reports. */
  hears(count: number): Promise<Said[]>
}

/** Starts a server of `crates/test-peer` with these options and stops it when the test ends. */
export async function startPeer(t: ExecutionContext, ...options: string[]): Promise<Peer> {
  const { cert: ca, issue } = await testAuthority()
  const identity = await issue({ commonName: 'localhost', dnsNames: ['localhost'], usage: 'server' })
  const directory = await mkdtemp(join(tmpdir(), 'tls-resumption-'))
  const [cert, key] = [join(directory, 'cert.pem'), join(directory, 'key.pem')]
  await Promise.all([writeFile(cert, identity.cert), writeFile(key, identity.key)])
  const child = spawn(await peerProgram(), ['serve', '--cert', cert, '--key', key, ...options], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  t.teardown(async () => {
    child.kill()
    await rm(directory, { recursive: true })
  })
  const lines = createInterface(child.stdout)
  const [first] = await once(lines, 'line')
  const said: Said[] = []
  lines.on('line', line => {
    const heard = JSON.parse(line)
    if (heard.did !== 'end') said.push(heard)
    lines.emit('heard')
  })
  const hears = async (count: number) => {
    while (said.length < count) await once(lines, 'heard')
    return said
  }
  return { port: JSON.parse(first).port, ca, said, hears }
}
