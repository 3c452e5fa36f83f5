/** What decides trust may change while a connection is under way, or be another thing than the options say. */
import https from 'node:https'
import type { AddressInfo } from 'node:net'
import tls from 'node:tls'
import test from 'ava'
import { connect, install, SessionCache, uninstall } from 'tls-resumption'
import { makeAuthority, makeChain, makeCrl } from '../support/chains.ts'
import { outcome } from '../support/outcome.ts'
import { startServer, testAuthority } from '../support/server.ts'

type Changeable = tls.SecureContext & {
  context: { addCACert(pem: string): void; addCRL(pem: string): void }
}

const plain = tls.connect
const contextOf = (ca: string) => tls.createSecureContext({ ca }) as Changeable

// To Node.js, these return no error.
const FALSY_CHECKS = [() => null, () => false, () => '', () => 0]

const rejectWithoutCode = () => Object.assign(new Error('not pinned'), { code: '' })

test.afterEach.always(() => {
  uninstall()
  tls.connect = plain
})

for (const maxVersion of ['TLSv1.2', 'TLSv1.3'] as const) {
  test.serial(
    `${maxVersion}: a connection whose context is changed before its handshake authorizes no other`,
    async t => {
      const { port, ca } = await startServer(t, { maxVersion })
      const { cert: other } = await makeAuthority('Another Root')
      install({ sessionCache: new SessionCache() })
      const options = { port, servername: 'localhost' }
      const secureContext = contextOf(other)
      const socket = tls.connect({ ...options, secureContext })
      secureContext.context.addCACert(ca)
      t.like(await outcome(socket), { authorized: true })
      const refusal = { refused: 'UNABLE_TO_VERIFY_LEAF_SIGNATURE' }
      t.like(await outcome(plain({ ...options, ca: other })), refusal)
      t.like(await outcome(tls.connect({ ...options, ca: other })), refusal)
      t.like(await outcome(tls.connect({ ...options, secureContext: contextOf(other) })), refusal)
    },
  )

  test.serial(
    `${maxVersion}: a connection whose context is changed before its handshake is offered no session`,
    async t => {
      const { root, identity } = await makeChain()
      const { port } = await startServer(t, { maxVersion, ...identity })
      install({ sessionCache: new SessionCache() })
      // Without a list of the intermediate's, OpenSSL rejects the chain.
      const crl = await makeCrl(root)
      const visit = (open: typeof tls.connect, changes: boolean) => {
        const secureContext = contextOf(root.cert)
        const socket = open({ port, servername: 'localhost', secureContext })
        if (changes) secureContext.context.addCRL(crl)
        return outcome(socket)
      }
      await visit(tls.connect, false)
      t.like(await visit(tls.connect, false), { resumed: true })
      t.like(await visit(plain, true), { refused: 'UNABLE_TO_GET_CRL' })
      t.like(await visit(tls.connect, true), { refused: 'UNABLE_TO_GET_CRL' })
    },
  )

  test.serial(
    `${maxVersion}: a wrapper of tls.connect that uses a context of its own shares no client identity`,
    async t => {
      const { cert: ca, issue } = await testAuthority()
      const { server, port } = await startServer(t, { maxVersion, requestCert: true, ca })
      const seen: unknown[] = []
      server.on('secureConnection', socket => seen.push(socket.getPeerCertificate().subject?.CN))
      const contexts = new Map<string, tls.SecureContext>()
      for (const commonName of ['alice', 'bob']) {
        contexts.set(
          commonName,
          tls.createSecureContext({ ca, ...(await issue({ commonName, usage: 'client' })) }),
        )
      }
      let tenant = ''
      tls.connect = ((options: tls.ConnectionOptions, ...more: []) =>
        plain({ ...options, secureContext: contexts.get(tenant) }, ...more)) as typeof tls.connect
      install({ sessionCache: new SessionCache() })
      for (tenant of ['alice', 'bob']) await outcome(tls.connect({ port, servername: 'localhost', ca }))
      t.deepEqual(seen, ['alice', 'bob'])
    },
  )

  test.serial(
    `${maxVersion}: a session of an agent does not authorize a lenient caller with a wrong name`,
    async t => {
      const { cert: ca, issue } = await testAuthority()
      const identity = await issue({ commonName: 'other', dnsNames: ['other.example'], usage: 'server' })
      const server = https.createServer({ ...identity, maxVersion }, (_, response) => response.end('!'))
      await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
      t.teardown(() => server.close())
      const { port } = server.address() as AddressInfo
      const sessionCache = new SessionCache()
      install({ sessionCache })
      const agent = new https.Agent({ rejectUnauthorized: false, ca, servername: 'localhost' })
      const get = () =>
        new Promise<unknown>((resolve, reject) => {
          const request = https.get({ port, host: '127.0.0.1', agent }, response => {
            const { authorizationError } = response.socket as tls.TLSSocket
            response.resume().once('close', () => resolve(authorizationError))
          })
          request.on('error', reject)
        })
      const expected = 'ERR_TLS_CERT_ALTNAME_INVALID'
      t.deepEqual([await get(), await get()], [expected, expected])
      // The agent's own cache still has a session.
      sessionCache.clear()
      t.is(await get(), expected)
    },
  )

  for (const check of FALSY_CHECKS) {
    test.serial(`${maxVersion}: with the checkServerIdentity ${check} connections resume`, async t => {
      const { port, ca } = await startServer(t, { maxVersion })
      const checkServerIdentity = check as never
      const options = { port, ca, servername: 'other.example', checkServerIdentity }
      const sessionCache = new SessionCache()
      t.like(await outcome(connect({ ...options, sessionCache })), { resumed: false, authorized: true })
      t.like(await outcome(connect({ ...options, sessionCache })), { resumed: true, authorized: true })
    })
  }

  test.serial(
    `${maxVersion}: an error with an empty code leaves its message in authorizationError`,
    async t => {
      const { port, ca } = await startServer(t, { maxVersion })
      const sessionCache = new SessionCache()
      const options = {
        port,
        ca,
        servername: 'localhost',
        checkServerIdentity: rejectWithoutCode,
        rejectUnauthorized: false,
      }
      const seen: unknown[] = []
      for (let n = 0; n < 2; n++) {
        const socket = connect({ ...options, sessionCache })
        socket.on('secureConnect', () => seen.push(socket.isSessionReused(), socket.authorizationError))
        await outcome(socket)
      }
      t.deepEqual(seen, [false, 'not pinned', true, 'not pinned'])
    },
  )
}
