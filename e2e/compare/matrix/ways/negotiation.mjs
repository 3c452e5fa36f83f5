/** Names, protocols and versions. */
import { constants } from 'node:crypto'
import tls from 'node:tls'

const ONLY_1_2 = ['TLSv1.2']
const lenient = { rejectUnauthorized: false }

export const negotiation = [
  {
    name: 'ALPN in common',
    server: t => t.echo({ ALPNProtocols: ['b', 'a'] }),
    run: t => t.talk(tls.connect(t.options({ ALPNProtocols: ['a', 'b'] }))),
  },
  {
    name: 'ALPN not in common',
    server: t => t.echo({ ALPNProtocols: ['c'] }),
    run: t => t.talk(tls.connect(t.options({ ALPNProtocols: ['a'] }))),
  },
  {
    name: 'ALPN as bytes, chosen by a callback',
    server: t => t.echo({ ALPNCallback: ({ protocols }) => protocols.at(-1) }),
    run: t => t.talk(tls.connect(t.options({ ALPNProtocols: Buffer.from('\x01a\x01b', 'latin1') }))),
  },
  {
    name: 'ALPN that changes from visit to visit',
    server: t => t.echo({ ALPNProtocols: ['a', 'b'] }),
    run: t => t.talk(tls.connect(t.options({ ALPNProtocols: [t.visit === 'third' ? 'b' : 'a'] }))),
  },
  {
    name: 'servername other than host',
    server: async t => {
      const server = await t.echo()
      server.addContext('other.example', { ...t.pki.otherName })
    },
    run: t => t.talk(tls.connect(t.options({ servername: 'other.example' }))),
  },
  { name: 'servername empty', run: t => t.talk(tls.connect(t.options({ servername: '' }))) },
  {
    name: 'servername empty, lenient',
    run: t => t.talk(tls.connect(t.options({ servername: '', ...lenient }))),
  },
  {
    name: 'servername that is an address',
    run: t => t.talk(tls.connect(t.options({ servername: '127.0.0.1' }))),
  },
  {
    name: 'servername for an address',
    run: t => t.talk(tls.connect(t.options({ host: '127.0.0.1', servername: 'localhost' }))),
  },
  {
    name: 'SNICallback of the server',
    server: t =>
      t.echo({
        SNICallback: (name, callback) =>
          setTimeout(
            callback,
            5,
            null,
            name === 'localhost' ? tls.createSecureContext(t.pki.chained) : undefined,
          ),
      }),
    run: t => t.talk(tls.connect(t.options())),
  },
  {
    name: 'socket.setServername()',
    run: t => {
      const socket = tls.connect(t.options())
      socket.setServername('another.example')
      return t.talk(socket)
    },
  },
  {
    name: 'minVersion and maxVersion',
    run: t => t.talk(tls.connect(t.options({ minVersion: t.version, maxVersion: t.version }))),
  },
  {
    name: 'no version in common',
    run: t => {
      const other = t.version === 'TLSv1.2' ? 'TLSv1.3' : 'TLSv1.2'
      return t.talk(tls.connect(t.options({ minVersion: other, maxVersion: other })))
    },
  },
  {
    name: 'ciphers of the caller',
    run: t =>
      t.talk(tls.connect(t.options({ ciphers: 'ECDHE-ECDSA-AES256-GCM-SHA384:TLS_AES_256_GCM_SHA384' }))),
  },
  {
    name: 'secureProtocol',
    versions: ONLY_1_2,
    run: t => t.talk(tls.connect(t.options({ secureProtocol: 'TLSv1_2_method' }))),
  },
  {
    name: 'secureOptions without tickets',
    run: t => t.talk(tls.connect(t.options({ secureOptions: constants.SSL_OP_NO_TICKET }))),
  },
  {
    name: 'ecdhCurve and sigalgs',
    run: t => t.talk(tls.connect(t.options({ ecdhCurve: 'P-256', sigalgs: 'ecdsa_secp256r1_sha256' }))),
  },
]
