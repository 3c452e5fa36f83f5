import { find, versionOf } from '../debian.ts'
import type { Preamble } from '../handshake.ts'
import { freePort, run } from '../processes.ts'
import type { RealServer, Site } from '../site.ts'

/** The client asks for TLS in eight bytes, and the server answers with one. */
export const sslRequest: Preamble = (_, side) => (side === 'client' ? 8 : 1)

export const postgres: RealServer = {
  name: 'PostgreSQL',
  programs: { initdb: ['postgresql-15'] },
  drivers: ['pg'],
  neverResumes: 'it sends no tickets and keeps no sessions',
  async start(site) {
    site.relay.to(await startPostgres(site), sslRequest)
    return { version: await versionOf('postgresql-15'), endpoint: { user: 'tester', database: 'postgres' } }
  },
}

/** Returns the port of a server that offers TLS and lets the user `tester` in. */
export async function startPostgres(site: Site): Promise<number> {
  const port = await freePort()
  const data = site.mkdir('data')
  const initdb = [find('initdb') ?? '', '-D', data, '-U', 'tester', '--auth=trust', '--no-sync']
  await run(initdb, site.options())
  const { ca, cert, key } = site.files
  const settings = {
    listen_addresses: '127.0.0.1',
    port,
    unix_socket_directories: '',
    ssl: 'on',
    ssl_ca_file: ca,
    ssl_cert_file: cert,
    ssl_key_file: key,
    fsync: 'off',
  }
  const options = Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`])
  await site.start([find('postgres') ?? '', '-D', data, ...options], {
    port,
    isReady: () =>
      run([find('pg_isready') ?? '', '-h', '127.0.0.1', '-p', `${port}`, '-d', 'postgres']).then(
        () => true,
        () => false,
      ),
  })
  return port
}
