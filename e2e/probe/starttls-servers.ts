/**
 * A mail server and a directory server, which agree on TLS after a greeting. Each is started as the user that it
 * runs as.
 */
import { find, versionOf } from '../drivers/debian.ts'
import type { Preamble } from '../drivers/handshake.ts'
import { freePort } from '../drivers/processes.ts'
import type { RealServer } from '../drivers/site.ts'

type Server = Pick<RealServer, 'name' | 'programs' | 'start'>

/** What these protocols send in the clear is no handshake record of TLS. */
const untilTls: Preamble = bytes => {
  const at = bytes.indexOf(Buffer.of(22, 3))
  return at < 0 ? undefined : at
}

export const dovecot: Server = {
  name: 'Dovecot',
  programs: { dovecot: ['dovecot-imapd'] },
  async start(site) {
    const port = await freePort()
    const { cert, key } = site.files
    const config = site.write(
      'dovecot.conf',
      `protocols = imap
listen = 127.0.0.1
base_dir = ${site.mkdir('run')}
state_dir = ${site.mkdir('state')}
log_path = /dev/stderr
default_internal_user = nobody
default_internal_group = nogroup
default_login_user = nobody
ssl = yes
ssl_cert = <${cert}
ssl_key = <${key}
service anvil {
  chroot =
}
service imap-login {
  chroot =
  inet_listener imap {
    port = ${port}
  }
  inet_listener imaps {
    port = 0
  }
}
passdb {
  driver = static
  args = nopassword=y
}
userdb {
  driver = static
  args = uid=nobody gid=nogroup home=${site.directory}
}
`,
    )
    await site.start([find('dovecot') ?? '', '-F', '-c', config], { port })
    site.relay.to(port, untilTls)
    return { version: await versionOf('dovecot-imapd') }
  },
}

export const slapd: Server = {
  name: 'OpenLDAP',
  programs: { slapd: ['slapd'] },
  async start(site) {
    const port = await freePort()
    const { ca, cert, key } = site.files
    const config = site.write(
      'slapd.conf',
      `include /etc/ldap/schema/core.schema
pidfile ${site.path('pid')}
TLSCACertificateFile ${ca}
TLSCertificateFile ${cert}
TLSCertificateKeyFile ${key}
database ldif
suffix dc=example
directory ${site.mkdir('data')}
`,
    )
    await site.start([find('slapd') ?? '', '-d', '0', '-h', `ldap://127.0.0.1:${port}`, '-f', config], {
      port,
    })
    site.relay.to(port, untilTls)
    return { version: await versionOf('slapd') }
  },
}
