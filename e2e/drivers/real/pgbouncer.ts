import { find, versionOf } from '../debian.ts'
import { freePort } from '../processes.ts'
import type { RealServer } from '../site.ts'
import { postgres, sslRequest, startPostgres } from './postgres.ts'

/** A pooler in front of PostgreSQL. Drivers connect to it with TLS. */
export const pgbouncer: RealServer = {
  name: 'PgBouncer',
  programs: { ...postgres.programs, pgbouncer: ['pgbouncer'] },
  drivers: ['pg'],
  async start(site) {
    const database = await startPostgres(site)
    const port = await freePort()
    const config = site.write(
      'pgbouncer.ini',
      `[databases]
postgres = host=127.0.0.1 port=${database} user=tester
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = ${port}
unix_socket_dir =
auth_type = any
client_tls_sslmode = require
client_tls_cert_file = ${site.files.cert}
client_tls_key_file = ${site.files.key}
`,
    )
    await site.start([find('pgbouncer') ?? '', config], { port })
    site.relay.to(port, sslRequest)
    return { version: await versionOf('pgbouncer'), endpoint: { user: 'tester', database: 'postgres' } }
  },
}
