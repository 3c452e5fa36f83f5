/** What is trusted changes between visits: a session of an earlier visit must not hide that. */
import { randomBytes } from 'node:crypto'
import tls from 'node:tls'

export const changes = [
  {
    name: 'another CA at the third visit',
    run: t => t.talk(tls.connect(t.options(t.visit === 'third' ? { ca: t.pki.unknownRoot } : {}))),
  },
  {
    name: 'a check that rejects at the third visit',
    run: t =>
      t.talk(
        tls.connect(
          t.options({
            checkServerIdentity:
              t.visit === 'third' ? () => new Error('not any more') : tls.checkServerIdentity,
          }),
        ),
      ),
  },
  {
    name: 'another servername at the third visit',
    run: t => t.talk(tls.connect(t.options(t.visit === 'third' ? { servername: 'other.example' } : {}))),
  },
  {
    name: 'another client certificate at the third visit',
    server: t => t.echo({ requestCert: true, ca: t.pki.root }),
    run: t => t.talk(tls.connect(t.options(t.visit === 'third' ? t.pki.otherName : t.pki.client))),
  },
  {
    name: 'no client certificate at the third visit',
    server: t => t.echo({ requestCert: true, ca: t.pki.root }),
    run: t => t.talk(tls.connect(t.options(t.visit === 'third' ? {} : t.pki.client))),
  },
  {
    name: 'another certificate of the server at the third visit',
    server: async t => {
      t.kept.server = await t.echo()
    },
    run: t => {
      if (t.visit === 'third') t.kept.server.setSecureContext(t.serverOptions(t.pki.otherName))
      return t.talk(tls.connect(t.options()))
    },
  },
  {
    name: 'other ticket keys at the third visit',
    server: async t => {
      t.kept.server = await t.echo()
    },
    run: t => {
      if (t.visit === 'third') t.kept.server.setTicketKeys(randomBytes(48))
      return t.talk(tls.connect(t.options()))
    },
  },
  {
    name: 'NODE_TLS_REJECT_UNAUTHORIZED before the third visit',
    server: t => t.echo(t.pki.otherName),
    run: async t => {
      if (t.visit !== 'third') process.env.NODE_TLS_REJECT_UNAUTHORIZED = '0'
      try {
        await t.talk(tls.connect(t.options()))
      } finally {
        delete process.env.NODE_TLS_REJECT_UNAUTHORIZED
      }
    },
  },
  {
    name: 'default CAs without the root at the third visit',
    run: async t => {
      // Node.js 20 lacks the functions.
      const before = tls.getCACertificates?.('default')
      tls.setDefaultCACertificates?.(t.visit === 'third' ? [t.pki.unknownRoot] : [t.pki.root])
      try {
        await t.talk(tls.connect({ host: 'localhost', port: t.port }))
      } finally {
        tls.setDefaultCACertificates?.(before)
      }
    },
  },
  {
    name: 'other ciphers at the third visit',
    run: t =>
      t.talk(
        tls.connect(
          t.options(
            t.visit === 'third'
              ? { ciphers: 'ECDHE-ECDSA-CHACHA20-POLY1305:TLS_CHACHA20_POLY1305_SHA256' }
              : {},
          ),
        ),
      ),
  },
]
