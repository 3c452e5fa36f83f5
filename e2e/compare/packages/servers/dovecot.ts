import { find, versionOf } from '../../../drivers/debian.ts'
import { freePort } from '../../../drivers/processes.ts'
import type { RealServer } from '../../../drivers/site.ts'
import { userOf } from './user.ts'

const PASSWORD = 'secret'

export const dovecot: Pick<RealServer, 'programs' | 'start'> = {
  programs: { dovecot: ['dovecot-imapd'] },
  async start(site) {
    const port = await freePort()
    const mail = site.mkdir('mail')
    const { uid, gid, name, group } = await userOf(site)
    const users = site.write('users', `tester:{PLAIN}${PASSWORD}:${uid}:${gid}::${mail}\n`)
    const { cert, key } = site.files
    const config = `
      base_dir = ${site.mkdir('run')}
      log_path = ${site.path('dovecot.log')}
      protocols = imap
      listen = 127.0.0.1
      default_internal_user = ${name}
      default_internal_group = ${group}
      default_login_user = ${name}
      first_valid_uid = 1
      mail_location = maildir:${mail}
      ssl = required
      ssl_cert = <${cert}
      ssl_key = <${key}
      passdb {
        driver = passwd-file
        args = ${users}
      }
      userdb {
        driver = passwd-file
        args = ${users}
      }
      service imap-login {
        chroot =
        inet_listener imap {
          port = 0
        }
        inet_listener imaps {
          port = ${port}
          ssl = yes
        }
      }
      service anvil {
        chroot =
      }
      service stats {
        chroot =
      }
    `
    await site.start([find('dovecot') ?? '', '-F', '-c', site.write('dovecot.conf', config)], { port })
    site.relay.to(port)
    return { version: await versionOf('dovecot-core'), endpoint: { user: 'tester', password: PASSWORD } }
  },
}
