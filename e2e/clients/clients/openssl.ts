import { X509Certificate } from 'node:crypto'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import type { Client, Seen, Target } from '../client.ts'
import { digestOf, REQUEST, runWith } from '../run.ts'

/** Each connection is a process, which reads the session of the last one from a file. */
export const openssl: Client = {
  title: '`openssl s_client`',
  programs: { openssl: ['openssl'] },
  version: async () => (await runWith(['openssl', 'version'])).split(' ')[1] ?? '',
  async visit(target) {
    const seen: Seen[] = []
    for (let n = 0; n < target.visits; n++) seen.push(await connect(target))
    return seen
  },
}

async function connect({ port, ca, kind, directory }: Target): Promise<Seen> {
  const session = join(directory, 'session.pem')
  const command = ['openssl', 's_client', '-connect', `127.0.0.1:${port}`, '-servername', 'localhost']
  command.push('-CAfile', ca, '-verify_return_error', '-alpn', 'http/1.1', '-ign_eof')
  command.push(kind.protocol === 'TLSv1.2' ? '-tls1_2' : '-tls1_3', '-sess_out', session)
  if (existsSync(session)) command.push('-sess_in', session)
  const said = await runWith(command, REQUEST)
  const [pem = ''] = said.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/) ?? []
  const [, alpn = ''] = said.match(/^ALPN protocol: (.*)$/m) ?? []
  return { resumed: /^Reused, /m.test(said), chain: [digestOf(new X509Certificate(pem))], alpn }
}
