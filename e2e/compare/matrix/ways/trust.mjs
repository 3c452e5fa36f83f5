/** Certificates, and what the caller makes of them. */
import tls from 'node:tls'
import { sleep } from '../world.mjs'

const lenient = { rejectUnauthorized: false }

export const trust = [
  {
    name: 'chain with an intermediate',
    server: t => t.echo(t.pki.chained),
    run: t => t.talk(tls.connect(t.options())),
  },
  {
    name: 'chain with an intermediate, lenient',
    server: t => t.echo(t.pki.chained),
    run: t => t.talk(tls.connect(t.options(lenient))),
  },
  {
    name: 'chain with its root',
    server: t => t.echo({ ...t.pki.chained, cert: t.pki.chained.cert + t.pki.root }),
    run: t => t.talk(tls.connect(t.options())),
  },
  { name: 'wrong CA', run: t => t.talk(tls.connect(t.options({ ca: t.pki.unknownRoot }))) },
  {
    name: 'wrong CA, lenient',
    run: t => t.talk(tls.connect(t.options({ ca: t.pki.unknownRoot, ...lenient }))),
  },
  { name: 'wrong name', server: t => t.echo(t.pki.otherName), run: t => t.talk(tls.connect(t.options())) },
  {
    name: 'wrong name, lenient',
    server: t => t.echo(t.pki.otherName),
    run: t => t.talk(tls.connect(t.options(lenient))),
  },
  { name: 'expired', server: t => t.echo(t.pki.expired), run: t => t.talk(tls.connect(t.options())) },
  {
    name: 'expired, lenient',
    server: t => t.echo(t.pki.expired),
    run: t => t.talk(tls.connect(t.options(lenient))),
  },
  { name: 'self-signed', server: t => t.echo(t.pki.selfSigned), run: t => t.talk(tls.connect(t.options())) },
  {
    name: 'self-signed, lenient',
    server: t => t.echo(t.pki.selfSigned),
    run: t => t.talk(tls.connect(t.options(lenient))),
  },
  {
    name: 'self-signed and pinned as CA',
    server: t => t.echo(t.pki.selfSigned),
    run: t => t.talk(tls.connect(t.options({ ca: t.pki.selfSigned.cert }))),
  },
  {
    name: 'strict after lenient',
    server: t => t.echo(t.pki.otherName),
    run: async t => {
      await t.talk(tls.connect(t.options(lenient)), { label: 'lenient' })
      await t.talk(tls.connect(t.options()), { label: 'strict' })
    },
  },
  {
    name: 'checkServerIdentity that approves',
    run: t => {
      t.kept.check ??= () => undefined
      return t.talk(tls.connect(t.options({ checkServerIdentity: t.kept.check })))
    },
  },
  {
    name: 'checkServerIdentity that notes its arguments',
    server: t => t.echo(t.pki.chained),
    run: t =>
      t.talk(
        tls.connect(
          t.options({
            checkServerIdentity: (...args) => {
              const [host, certificate] = args
              t.note(`${args.length} ${host} ${Object.keys(certificate)}`, 'check')
              for (let each = certificate; each; each = each.issuerCertificate) {
                t.note(each.subject.CN, 'check')
                if (each.issuerCertificate === each) break
              }
            },
          }),
        ),
      ),
  },
  {
    name: 'checkServerIdentity that rejects',
    run: t =>
      t.talk(
        tls.connect(
          t.options({
            checkServerIdentity: () => Object.assign(new Error('not this peer'), { code: 'MINE' }),
          }),
        ),
      ),
  },
  {
    name: 'checkServerIdentity that rejects, lenient',
    run: t =>
      t.talk(tls.connect(t.options({ ...lenient, checkServerIdentity: () => new Error('not this peer') }))),
  },
  {
    name: 'checkServerIdentity that throws',
    run: async t => {
      const socket = tls.connect(
        t.options({
          checkServerIdentity: () => {
            throw new Error('from the check')
          },
        }),
      )
      // Nothing comes after the error, so the socket has to be closed.
      await Promise.race([t.talk(socket), sleep(100)])
      socket.destroy()
    },
  },
  {
    name: 'client certificate',
    server: t => t.echo({ requestCert: true, ca: t.pki.root }),
    run: t => t.talk(tls.connect(t.options(t.pki.client))),
  },
  {
    name: 'client certificate missing',
    server: t => t.echo({ requestCert: true, ca: t.pki.root }),
    run: t => t.talk(tls.connect(t.options())),
  },
  {
    name: 'client certificate optional',
    server: t => t.echo({ requestCert: true, rejectUnauthorized: false, ca: t.pki.root }),
    run: t => t.talk(tls.connect(t.options())),
  },
  {
    name: 'client certificate of another authority',
    server: t => t.echo({ requestCert: true, ca: t.pki.unknownRoot }),
    run: t => t.talk(tls.connect(t.options(t.pki.client))),
  },
  {
    name: 'secureContext for each connection',
    run: t =>
      t.talk(
        tls.connect(t.options({ ca: undefined, secureContext: tls.createSecureContext({ ca: t.pki.root }) })),
      ),
  },
  {
    name: 'secureContext shared',
    run: t => {
      t.kept.context ??= tls.createSecureContext({ ca: t.pki.root })
      return t.talk(tls.connect(t.options({ ca: undefined, secureContext: t.kept.context })))
    },
  },
  {
    name: 'requestOCSP without an answer',
    run: t => t.talk(tls.connect(t.options({ requestOCSP: true }))),
  },
  {
    name: 'requestOCSP with an answer',
    server: async t => {
      const server = await t.echo()
      server.on('OCSPRequest', (_certificate, _issuer, callback) => callback(null, Buffer.from('answer')))
    },
    run: t => t.talk(tls.connect(t.options({ requestOCSP: true }))),
  },
  {
    name: 'pre-shared key',
    server: t =>
      t.echo({
        cert: undefined,
        key: undefined,
        ciphers: 'PSK+HIGH:TLS_AES_128_GCM_SHA256',
        pskCallback: (_socket, identity) => (identity === 'me' ? Buffer.alloc(32, 1) : null),
      }),
    run: t =>
      t.talk(
        tls.connect(
          t.options({
            ciphers: 'PSK+HIGH:TLS_AES_128_GCM_SHA256',
            checkServerIdentity: () => undefined,
            pskCallback: () => ({ psk: Buffer.alloc(32, 1), identity: 'me' }),
          }),
        ),
      ),
  },
]
