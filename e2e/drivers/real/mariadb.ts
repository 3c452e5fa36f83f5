import { find, versionOf } from '../debian.ts'
import type { Preamble } from '../handshake.ts'
import { freePort, run } from '../processes.ts'
import type { RealServer } from '../site.ts'

/** Each side sends one packet in the clear, after its length: a greeting, and the request for TLS. */
const greeting: Preamble = bytes => (bytes.length < 4 ? undefined : 4 + bytes.readUIntLE(0, 3))

/** Its counters (`Ssl_session_cache_hits`, `Ssl_sessions_reused`) always stay 0, so they are not read. */
export const mariadb: RealServer = {
  name: 'MariaDB',
  programs: { mariadbd: ['mariadb-server-core'], my_print_defaults: ['mariadb-client-core'] },
  drivers: ['mysql2', 'mysql2-verify-identity', 'mariadb'],
  async start(site) {
    const port = await freePort()
    const data = site.mkdir('data')
    const socketPath = site.path('s')
    const install = [
      'mariadb-install-db',
      '--no-defaults',
      `--datadir=${data}`,
      '--auth-root-authentication-method=normal',
      '--skip-test-db',
    ]
    await run(install, site.options())
    const init = site.write(
      'init.sql',
      "CREATE USER 'tester'@'%' IDENTIFIED BY 'secret' REQUIRE SSL;\nGRANT USAGE ON *.* TO 'tester'@'%';\n",
    )
    const { ca, cert, key } = site.files
    await site.start(
      [
        find('mariadbd') ?? '',
        '--no-defaults',
        `--datadir=${data}`,
        `--socket=${socketPath}`,
        '--bind-address=127.0.0.1',
        `--port=${port}`,
        `--init-file=${init}`,
        `--ssl-ca=${ca}`,
        `--ssl-cert=${cert}`,
        `--ssl-key=${key}`,
        '--tls-version=TLSv1.2,TLSv1.3',
        '--skip-name-resolve',
        '--innodb-buffer-pool-size=16M',
      ],
      { port },
    )
    site.relay.to(port, greeting)
    return {
      version: await versionOf('mariadb-server-core'),
      endpoint: { user: 'tester', password: 'secret' },
    }
  },
}
