import { find, versionOf } from '../../../drivers/debian.ts'
import { freePort, run } from '../../../drivers/processes.ts'
import type { RealServer } from '../../../drivers/site.ts'
import { userOf } from './user.ts'

const PASSWORD = 'secret'

/** Its data connections have to resume the session of the control connection, which is its default. */
export const proftpd: Pick<RealServer, 'programs' | 'start'> = {
  programs: { proftpd: ['proftpd-core', 'proftpd-mod-crypto'] },
  async start(site) {
    const port = await freePort()
    const home = site.mkdir('home')
    const { uid, gid, name, group } = await userOf(site)
    const hash = (await run(['openssl', 'passwd', '-6', PASSWORD])).trim()
    const users = site.write('users', `tester:${hash}:${uid}:${gid}::${home}:/bin/sh\n`)
    const { cert, key } = site.files
    const config = `
      LoadModule mod_tls.c
      ServerType standalone
      ServerName tester
      DefaultAddress 127.0.0.1
      Port ${port}
      UseIPv6 off
      User ${name}
      Group ${group}
      PidFile ${site.path('pid')}
      ScoreboardFile ${site.path('scoreboard')}
      SystemLog ${site.path('system.log')}
      TransferLog none
      WtmpLog off
      UseReverseDNS off
      AuthUserFile ${users}
      AuthOrder mod_auth_file.c
      RequireValidShell off
      AuthPAM off
      AllowOverwrite on
      DelayEngine off
      ControlsEngine off
      TLSEngine on
      TLSLog ${site.path('tls.log')}
      TLSRequired on
      TLSProtocol TLSv1.2 TLSv1.3
      TLSRSACertificateFile ${cert}
      TLSRSACertificateKeyFile ${key}
    `
    await site.start([find('proftpd') ?? '', '-n', '-q', '-c', site.write('proftpd.conf', config)], { port })
    site.relay.to(port)
    return { version: await versionOf('proftpd-core'), endpoint: { user: 'tester', password: PASSWORD } }
  },
}
