/** The surroundings of programs that start real servers: a directory, certificates, and the end of every process. */
import { chmodSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createAuthority } from '../../fixtures/certificates.ts'
import { provide } from './debian.ts'
import { Relay } from './relay.ts'
import { type RealServer, type Running, Site } from './site.ts'

/** Calls `use` with a running server, and ends the server. */
export type Workshop = (
  name: string,
  server: Pick<RealServer, 'programs' | 'start'>,
  use: (site: Site, running: Running) => Promise<void>,
) => Promise<void>

/** Ends with the process, on any signal. */
export async function openWorkshop(): Promise<Workshop> {
  for (const [signal, code] of [
    ['SIGINT', 130],
    ['SIGTERM', 143],
    ['SIGHUP', 129],
  ] as const) {
    process.on(signal, () => process.exit(code))
  }
  const directory = mkdtempSync(join(tmpdir(), 'tls-servers-'))
  // Servers run as another user, and have directories of their own below.
  chmodSync(directory, 0o711)
  process.on('exit', () => rmSync(directory, { recursive: true, force: true }))

  const authority = await createAuthority({ algorithm: 'rsa' })
  const identity = await authority.issue({ usage: 'server', commonName: 'localhost' })
  const client = await authority.issue({ usage: 'client', commonName: 'tester' })
  return async (name, server, use) => {
    const relay = await Relay.listen()
    let site: Site | undefined
    try {
      for (const [program, packages] of Object.entries(server.programs)) await provide(program, packages)
      mkdirSync(join(directory, name))
      site = new Site(join(directory, name), relay, authority, identity, client)
      await use(site, await server.start(site))
    } finally {
      await site?.stop()
      relay.close()
    }
  }
}

/** Returns the servers that the command line names, or all. Exits if a name is unknown. */
export function chosen<Server>(
  servers: Readonly<Record<string, Server>>,
  wanted: readonly string[],
): [name: string, server: Server][] {
  const unknown = wanted.filter(name => !(name in servers))
  if (unknown.length > 0) {
    process.stderr.write(
      `no such server: ${unknown.join(', ')}; there are ${Object.keys(servers).join(', ')}\n`,
    )
    process.exit(2)
  }
  return Object.entries(servers).filter(([name]) => wanted.length === 0 || wanted.includes(name))
}
