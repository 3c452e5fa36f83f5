import type { Client } from '../client.ts'
import { REQUEST, runWith } from '../run.ts'

/** Connects, ends the connection, and connects once more with its session. */
export const gnutls: Client = {
  title: '`gnutls-cli --resume`',
  programs: { 'gnutls-cli': ['gnutls-bin'] },
  version: async () => (await runWith(['gnutls-cli', '--version'])).split(/\s+/)[1] ?? '',
  async visit({ port, ca, kind }) {
    const version = kind.protocol.replace('v', '')
    const command = ['gnutls-cli', '--resume', '--waitresumption', '--x509cafile', ca, '--port', `${port}`]
    command.push('--sni-hostname', 'localhost', '--verify-hostname', 'localhost', '--alpn', 'http/1.1')
    command.push('--priority', `NORMAL:-VERS-ALL:+VERS-${version}`, '127.0.0.1')
    const [first = '', again = ''] = (await runWith(command, REQUEST)).split('- Connecting again')
    // It reports certificates only on full handshakes.
    return [first, again].map(said => ({
      resumed: said.includes('*** This is a resumed session'),
      alpn: said.match(/^- Application protocol: (.*)$/m)?.[1] ?? '',
    }))
  },
}
