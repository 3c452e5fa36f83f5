import { X509Certificate } from 'node:crypto'
import type { Client, Seen } from '../client.ts'
import { digestOf, runWith } from '../run.ts'

const PEM = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g

/** One process for all visits, because its sessions end with it. */
export const curl: Client = {
  title: 'curl',
  programs: { curl: ['curl'] },
  version: async () =>
    (await runWith(['curl', '--version']))
      .match(/^curl (\S+).*? (OpenSSL\/\S+|GnuTLS\/\S+)/)
      ?.slice(1)
      .join(', ') ?? '',
  fronts: ['https', 'http2'],
  // lib/vtls/openssl.c sets SSL_OP_NO_TICKET, which concerns no version but TLS 1.2.
  never: ({ protocol, mechanism }) =>
    protocol === 'TLSv1.2' && mechanism === 'tickets' ? 'it asks for no tickets in TLS 1.2' : undefined,
  async visit({ port, ca, front, visits }) {
    const command = ['curl']
    for (let n = 0; n < visits; n++) {
      if (n > 0) command.push('--next')
      command.push('--silent', '--show-error', '--fail', '--cacert', ca)
      command.push(front === 'http2' ? '--http2' : '--http1.1', '--resolve', `localhost:${port}:127.0.0.1`)
      // A different option per visit makes it open a new connection, and end each one.
      command.push('--local-port', `${20_000 + n}-60000`)
      command.push('--write-out', '\n== %{http_version}\n%{certs}\n', `https://localhost:${port}/stay`)
    }
    const said = (await runWith(command)).split('== ').slice(1)
    return said.map((part): Seen => {
      const chain = [...part.matchAll(PEM)].map(([pem]) => digestOf(new X509Certificate(pem)))
      return { alpn: part.startsWith('2') ? 'h2' : 'http/1.1', ...(chain.length > 0 ? { chain } : {}) }
    })
  },
}
