import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { ExecutionContext } from 'ava'
import type { PeerFindings, VersionFindings } from '../../dist/probe/findings.js'
import { type Ended, runNode } from '../workers/spawn.ts'

const command = fileURLToPath(new URL('../../dist/cli.js', import.meta.url))

/** Runs `tls-resumption` with these arguments. */
export function tlsResumption(...args: string[]): Promise<Ended> {
  return runNode([command, ...args])
}

/** Writes a temporary file and returns its path. The file is removed when the test ends. */
export async function fileWith(t: ExecutionContext, content: string): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'tls-resumption-'))
  t.teardown(() => rm(directory, { recursive: true }))
  const path = join(directory, 'file')
  await writeFile(path, content)
  return path
}

export interface Probed extends PeerFindings {
  code: number | null
  tls13: VersionFindings | undefined
  tls12: VersionFindings | undefined
}

/** Probes a server on loopback and returns the findings and the exit code. By default it times one handshake of each kind. */
export async function probe(
  t: ExecutionContext,
  { port, ca }: { port: number; ca?: string },
  ...args: string[]
): Promise<Probed> {
  const trust = ca === undefined ? [] : ['--ca', await fileWith(t, ca)]
  const peer = `localhost:${port}`
  const usual = ['--address', '127.0.0.1', '--tries', '1', '--timeout', '30', '--json']
  const { code, stdout, stderr } = await tlsResumption('probe', peer, ...usual, ...trust, ...args)
  t.is(stderr, '')
  const [findings] = JSON.parse(stdout).peers as [PeerFindings]
  const of = (wanted: string) => findings.versions.find(({ version }) => version === wanted)
  return { ...findings, code, tls13: of('TLSv1.3'), tls12: of('TLSv1.2') }
}
