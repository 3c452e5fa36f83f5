/** A session is stored with what its full handshake verified, and is offered only where all of that belongs together. */
import tls from 'node:tls'
import test, { type ExecutionContext } from 'ava'
import { connect, purge, SessionCache, sessionKey } from 'tls-resumption'
import { chainStore } from '../../dist/cache/internal.js'
import { ConnectionAttempt } from '../../dist/client/attempt/attempt.js'
import { findChain } from '../../dist/client/chains.js'
import { offerSession } from '../../dist/client/offer.js'
import { planConnection } from '../../dist/client/plan.js'
import { SessionRecorder } from '../../dist/client/session-recorder.js'
import { withDefaults } from '../../dist/key/options.js'
import type { SocketPort } from '../../dist/node/socket-port.js'
import type { CertificateChain } from '../../dist/session/certificate-chain.js'
import { readSessionInfo } from '../../dist/session/session-info.js'
import {
  decodeVerification,
  encodeVerification,
  type Verification,
} from '../../dist/session/verified-session.js'
import { makeChain } from '../support/chains.ts'
import { finish, startServer } from '../support/server.ts'
import { readVerified, writeVerified } from '../support/verified.ts'

const VERSIONS = ['TLSv1.2', 'TLSv1.3'] as const

/** Starts a server behind an intermediate. Returns the options of a client. */
async function listen(t: ExecutionContext, version: tls.SecureVersion) {
  const { root, identity } = await makeChain()
  const { port } = await startServer(t, { ...identity, minVersion: version, maxVersion: version })
  return { port, host: '127.0.0.1', servername: 'localhost', ca: root.cert }
}

/** A session of one connection, with what is needed to judge another one by it. */
async function storedSession(t: ExecutionContext, version: tls.SecureVersion) {
  const options = await listen(t, version)
  const sessionCache = new SessionCache()
  await finish(connect({ ...options, sessionCache }))
  const key = sessionKey(options) ?? ''
  const { session, record } = readVerified(sessionCache, key)
  const verification = decodeVerification(record) as Verification
  const full = withDefaults({ ...options }) as tls.ConnectionOptions
  const { inputs } = planConnection(sessionCache, full)
  if (inputs === undefined || 'find' in inputs) throw new Error('not cacheable')
  return { options, sessionCache, key, session, record, verification, inputs }
}

// The first: a purge ends the sessions of all tests.
test.serial('purge: a session that another thread stores late is not offered', async t => {
  const { sessionCache, inputs, session, record } = await storedSession(t, 'TLSv1.3')
  const offered = () => {
    writeVerified(sessionCache, inputs.peer.key, { session, record })
    return offerSession(inputs, () => {})
  }
  t.is(offered(), 'offered')
  purge()
  t.is(offered(), 'no-session')
})

for (const version of VERSIONS) {
  test(`${version}: a check that changes the certificate does not change what is stored`, async t => {
    const options = await listen(t, version)
    const issuers: string[] = []
    const checkServerIdentity = (name: string, certificate: tls.PeerCertificate) => {
      const detailed = certificate as tls.DetailedPeerCertificate
      issuers.push(String(detailed.issuerCertificate?.subject.CN))
      const error = tls.checkServerIdentity(name, certificate)
      detailed.issuerCertificate = detailed
      return error
    }
    // Seen once, it is not taken for one written inline.
    sessionKey({ ...options, checkServerIdentity })
    const sessionCache = new SessionCache()
    for (const resumed of [false, true]) {
      const socket = connect({ ...options, checkServerIdentity, sessionCache })
      t.deepEqual(await finish(socket), { resumed, authorized: true })
    }
    t.deepEqual(issuers, ['Intermediate', 'Intermediate'])
  })

  test(`${version}: a session that says otherwise whether its chain verified than its record is not offered`, async t => {
    const { options, sessionCache, key, session, verification } = await storedSession(t, version)
    const record = encodeVerification({ ...verification, isChainVerified: false })
    writeVerified(sessionCache, key, { session, record })
    t.false((await finish(connect({ ...options, sessionCache }))).resumed)
  })

  test(`${version}: of a socket that is not authorized a strict caller stores nothing`, async t => {
    const { sessionCache, inputs, session } = await storedSession(t, version)
    const chain = findChain(sessionCache, chainDigest(sessionCache, inputs.peer.key), Date.now())
    const stored = (isAuthorized: boolean) => {
      sessionCache.clear()
      const attempt = new ConnectionAttempt(inputs, () => true)
      const port = { isUsable: true, isAuthorized, isResumed: false, protocol: version } as SocketPort
      attempt.attachPort(port, {} as tls.TLSSocket)
      attempt.capturing(() => undefined)('localhost', chain?.peerCertificate() as tls.PeerCertificate)
      attempt.onSession(session)
      return sessionCache.size
    }
    t.is(stored(true), 1)
    t.is(stored(false), 0)
  })

  test(`${version}: a ticket with another certificate than the offered session is not stored`, async t => {
    const { inputs, session, verification, sessionCache } = await storedSession(t, version)
    const other = await storedSession(t, version)
    const info = readSessionInfo(session)
    if (info === undefined) throw new Error('no session')
    const inheritedFrom = (chainOwner: Verification) => {
      const chain = findChain(sessionCache, chainOwner.chainDigest, Date.now()) as CertificateChain
      const offered = { verification: chainOwner, chain, identityError: undefined, isBelowTls13: false }
      return new SessionRecorder(inputs).verificationOf(session, info, offered, () => undefined)
    }
    t.deepEqual(inheritedFrom(verification), verification)
    t.is(inheritedFrom(other.verification), undefined)
  })

  test(`${version}: a session that says otherwise whether its chain verified than its handshake is not stored`, async t => {
    const { inputs, session, sessionCache } = await storedSession(t, version)
    const chain = findChain(sessionCache, chainDigest(sessionCache, inputs.peer.key), Date.now())
    const info = readSessionInfo(session)
    if (info === undefined || chain === undefined) throw new Error('no session')
    const recorder = new SessionRecorder(inputs)
    recorder.captureUnverified(chain.peerCertificate())
    t.is(
      recorder.verificationOf(session, info, null, () => undefined),
      undefined,
    )
  })

  test(`${version}: a chain that is stored under the digest of another one is not used`, async t => {
    const { options, sessionCache, key, session, verification } = await storedSession(t, version)
    const chain = findChain(sessionCache, verification.chainDigest, Date.now()) as CertificateChain
    const chainDigestOfOther = Buffer.alloc(32, version)
    chainStore.put(chainDigestOfOther, chain.encode())
    t.is(findChain(sessionCache, chainDigestOfOther, Date.now()), undefined)
    const record = encodeVerification({ ...verification, chainDigest: chainDigestOfOther })
    writeVerified(sessionCache, key, { session, record })
    t.false((await finish(connect({ ...options, sessionCache }))).resumed)
  })
}

function chainDigest(cache: SessionCache, key: string): Buffer {
  return (decodeVerification(readVerified(cache, key).record) as Verification).chainDigest
}
