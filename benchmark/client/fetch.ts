/** Measures if Node's own `fetch` resumes after its pool of connections was emptied. */
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

const KIND = { version: 'TLSv1.3', algorithm: 'ecdsa', clientCertificate: false } as const
const PROGRAM = fileURLToPath(new URL('./fetch-app.mjs', import.meta.url))

export interface FetchFigures {
  node: string
  /** F for a full handshake, R for a resumed one. */
  alone: string
  auto: string
}

export async function fetches(pki: Pki): Promise<FetchFigures[]> {
  const directory = await mkdtemp(join(tmpdir(), 'tls-resumption-'))
  const ca = join(directory, 'ca.pem')
  await writeFile(ca, pki.ca(KIND))
  const programs = [20, 22, 24, 26].map(major => nodeProgram(major) as string)
  // All at once, because each waits nearly all of its time.
  const figures = await Promise.all(
    programs.map(async program => {
      const { stdout } = await promisify(execFile)(program, ['--version'])
      const [alone, auto] = await Promise.all([
        handshakes(pki, program, ca, []),
        handshakes(pki, program, ca, ['--import', 'tls-resumption/auto']),
      ])
      return { node: stdout.trim().slice(1), alone, auto }
    }),
  )
  await rm(directory, { recursive: true })
  return figures
}

/** Requests that come a second apart, to a server that closes each connection. */
async function handshakes(pki: Pki, program: string, ca: string, flags: string[]): Promise<string> {
  let met = ''
  const server = https.createServer(pki.server(KIND), (request, response) => {
    met += (request.socket as TLSSocket).isSessionReused() ? 'R' : 'F'
    response.setHeader('Connection', 'close').end('hello')
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const { port } = server.address() as AddressInfo
  await promisify(execFile)(program, ['--expose-gc', ...flags, PROGRAM, `https://localhost:${port}/`, '5'], {
    cwd: fileURLToPath(new URL('../..', import.meta.url)),
    env: { ...process.env, NODE_EXTRA_CA_CERTS: ca },
  })
  server.close()
  return met
}
