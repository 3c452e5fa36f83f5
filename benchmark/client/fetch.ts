/** Measures if Node's own `fetch` resumes when its pool has no open connection. */
import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import https from 'node:https'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TLSSocket } from 'node:tls'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { nodeProgram } from '../../scripts/lib/nodes.mjs'
import type { Pki } from '../lib/pki.ts'
import { checkPlain } from '../lib/plain.ts'

const KIND = { version: 'TLSv1.3', algorithm: 'ecdsa', clientCertificate: false } as const
const PROGRAM = fileURLToPath(new URL('./fetch-app.mjs', import.meta.url))
const LOADED = new URL('../lib/loaded.mjs', import.meta.url).href
const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const AUTO = ['--import', 'tls-resumption/auto']
/** Milliseconds between two requests. */
const GAP = 500

export interface FetchFigures {
  node: string
  requests: number
  /** Full handshakes after the first one. */
  alone: number
  /** The same, if the program collects garbage after each request. */
  forced: number
  auto: number
}

export async function fetches(pki: Pki, requests: number): Promise<FetchFigures[]> {
  const directory = await mkdtemp(join(tmpdir(), 'tls-resumption-'))
  const ca = join(directory, 'ca.pem')
  await writeFile(ca, pki.ca(KIND))
  // All at once, because each waits nearly all of its time.
  const figures = await Promise.all(
    [24, 26, 22, 20].map(async major => {
      const program = nodeProgram(major)
      const { stdout } = await promisify(execFile)(program, ['--version'])
      const count = (flags: string[]) => fullHandshakes(pki, program, ca, flags, requests)
      const [alone, forced, auto] = await Promise.all([
        count([]),
        count(['--expose-gc']),
        count(['--expose-gc', ...AUTO]),
      ])
      return { node: stdout.trim().slice(1), requests, alone, forced, auto }
    }),
  )
  await rm(directory, { recursive: true })
  return figures
}

/** Counts full handshakes at a server that closes each connection. */
async function fullHandshakes(
  pki: Pki,
  program: string,
  ca: string,
  flags: string[],
  requests: number,
): Promise<number> {
  const counts = { full: 0, resumed: 0 }
  const server = https.createServer(pki.server(KIND), (request, response) => {
    counts[(request.socket as TLSSocket).isSessionReused() ? 'resumed' : 'full']++
    response.setHeader('Connection', 'close').end('hello')
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const { port } = server.address() as AddressInfo
  const { NODE_OPTIONS: _, ...env } = process.env
  const args = [...flags, PROGRAM, `https://localhost:${port}/`, `${requests}`, `${GAP}`, LOADED]
  const { stdout } = await promisify(execFile)(program, args, {
    cwd: ROOT,
    env: { ...env, NODE_EXTRA_CA_CERTS: ca },
  })
  server.close()
  if (!flags.includes('--import')) checkPlain('fetch of Node alone', JSON.parse(stdout))
  if (counts.full + counts.resumed !== requests)
    throw new Error(`${requests} requests, ${JSON.stringify(counts)}`)
  return counts.full - 1
}
