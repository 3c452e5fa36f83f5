import { chmodSync, copyFileSync } from 'node:fs'
import { join } from 'node:path'
import { freePort } from '../../../drivers/processes.ts'
import type { RealServer } from '../../../drivers/site.ts'
import { unpack } from './unpack.ts'

/** Its data connections have to resume the session of the control connection, which is its default. */
export const vsftpd: Pick<RealServer, 'programs' | 'start'> = {
  // Its package cannot be installed beside ProFTPD's, so it is only unpacked. That of tcpd brings the library it needs.
  programs: { tcpd: ['tcpd'] },
  async start(site) {
    const { directory, version } = await unpack('vsftpd')
    const port = await freePort()
    const program = site.write('vsftpd', '')
    copyFileSync(join(directory, 'usr', 'sbin', 'vsftpd'), program)
    chmodSync(program, 0o755)
    const home = site.mkdir('home')
    site.mkdir('home/upload')
    chmodSync(home, 0o500)
    const { cert, key } = site.files
    const settings = {
      listen: 'YES',
      listen_address: '127.0.0.1',
      listen_port: port,
      background: 'NO',
      run_as_launching_user: 'YES',
      anonymous_enable: 'YES',
      no_anon_password: 'YES',
      anon_root: home,
      anon_upload_enable: 'YES',
      anon_other_write_enable: 'YES',
      anon_world_readable_only: 'NO',
      anon_umask: '022',
      write_enable: 'YES',
      seccomp_sandbox: 'NO',
      pasv_address: '127.0.0.1',
      xferlog_enable: 'NO',
      ssl_enable: 'YES',
      allow_anon_ssl: 'YES',
      force_anon_logins_ssl: 'YES',
      force_anon_data_ssl: 'YES',
      require_ssl_reuse: 'YES',
      ssl_ciphers: 'HIGH',
      rsa_cert_file: cert,
      rsa_private_key_file: key,
    }
    const lines = Object.entries(settings).map(([name, value]) => `${name}=${value}\n`)
    await site.start([program, site.write('vsftpd.conf', lines.join(''))], { port })
    site.relay.to(port)
    return { version, endpoint: { user: 'anonymous', password: '' } }
  },
}
