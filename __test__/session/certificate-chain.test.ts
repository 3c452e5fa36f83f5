import { X509Certificate } from 'node:crypto'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import tls from 'node:tls'
import test, { type ExecutionContext } from 'ava'
import fc from 'fast-check'
import { CertificateChain } from '../../dist/session/certificate-chain.js'
import { isTrustAnchor } from '../../dist/session/trust-anchors.js'
import { fromNow, type Holder, makeAuthority, makeChain, makeServer } from '../support/chains.ts'

const DAY = 86_400_000

const der = ({ cert }: Holder) => new X509Certificate(cert).raw

/** Returns what Node.js passes to `checkServerIdentity` in a full handshake. */
async function handshake(t: ExecutionContext, identity: { cert: string; key: string }, ca: string) {
  const server = tls.createServer(identity, socket => socket.on('error', () => {}).end('!'))
  server.on('tlsClientError', () => {})
  t.teardown(() => server.close())
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const { port } = server.address() as AddressInfo
  let seen: tls.DetailedPeerCertificate | undefined
  const socket = tls.connect({
    ...{ port, host: '127.0.0.1', servername: 'localhost', ca },
    checkServerIdentity(_, certificate) {
      seen = certificate as tls.DetailedPeerCertificate
      return undefined
    },
  })
  await once(socket.resume(), 'close')
  return seen as tls.DetailedPeerCertificate
}

/** Returns the chain of a full handshake; undefined where there is no certificate. */
function capture(certificate: tls.DetailedPeerCertificate, sent?: Buffer[], last?: CertificateChain) {
  const issuers = CertificateChain.copyIssuers(certificate, last)
  return issuers && CertificateChain.of(issuers, sent, last)
}

/** Builds what Node.js returns for these certificates, the peer's own first. The last one is its own issuer. */
function chained(...holders: Holder[]): tls.DetailedPeerCertificate {
  const all = holders.map(holder => ({ raw: der(holder) }) as unknown as tls.DetailedPeerCertificate)
  for (const [index, each] of all.entries()) each.issuerCertificate = all[index + 1] ?? each
  return all[0] as tls.DetailedPeerCertificate
}

test('certificate chain: an encoded chain reads back as the same chain', async t => {
  const { root, identity } = await makeChain()
  const seen = await handshake(t, identity, root.cert)
  const chain = capture(seen, undefined)
  const copy = CertificateChain.decode(chain?.encode() ?? Buffer.alloc(0))
  t.truthy(copy)
  t.true(copy?.digest.equals(chain?.digest ?? Buffer.alloc(0)))
  t.deepEqual(copy?.peerCertificate(), seen)
})

test('certificate chain: any bytes read as a chain that encodes to them, or as none, and never throw', async t => {
  const { root, server } = await makeChain()
  const valid = capture(chained(server, root))?.encode() ?? Buffer.alloc(0)
  const read = (bytes: Uint8Array) => CertificateChain.decode(Buffer.from(bytes))?.encode()
  fc.assert(fc.property(fc.uint8Array({ maxLength: 64 }), bytes => t.notThrows(() => read(bytes))))
  fc.assert(
    fc.property(fc.nat(valid.length - 1), fc.integer({ min: 1, max: 255 }), (index, change) => {
      const damaged = Buffer.from(valid)
      damaged[index] = (damaged[index] as number) ^ change
      const again = read(damaged)
      // A damaged certificate is noticed by the digest, under which the chain is stored.
      if (again) t.false(again.equals(valid))
    }),
  )
  for (let length = 0; length < valid.length; length++) t.is(read(valid.subarray(0, length)), undefined)
  t.is(read(Buffer.concat([valid, Buffer.of(0)])), undefined)
})

test('certificate chain: a change of any certificate, of what was sent, or of the root is another digest', async t => {
  const { root, intermediate, server } = await makeChain()
  const digest = (certificate: tls.DetailedPeerCertificate, sent?: Buffer[]) =>
    capture(certificate, sent)?.digest.toString('hex')
  const other = await makeAuthority('Root')
  const digests = [
    digest(chained(server, intermediate, root)),
    digest(chained(server, intermediate, other)),
    digest(chained(server, intermediate)),
    digest(chained(server, intermediate, root), [der(server)]),
    digest(chained(server, intermediate, root), [der(intermediate), der(server)]),
  ]
  t.is(new Set(digests).size, digests.length)
})

test('certificate chain: a captured chain does not change when the application changes the object', async t => {
  const { root, identity } = await makeChain()
  const seen = await handshake(t, identity, root.cert)
  const chain = capture(seen, undefined)
  const before = chain?.peerCertificate()
  seen.raw.fill(0)
  seen.subjectaltname = 'DNS:elsewhere'
  seen.issuerCertificate = seen
  t.deepEqual(chain?.peerCertificate(), before)
})

test('certificate chain: each returned object is new, so that an application may change it', async t => {
  const { root, server } = await makeChain()
  const chain = capture(chained(server, root))
  const first = chain?.peerCertificate() as tls.DetailedPeerCertificate
  first.subjectaltname = 'DNS:elsewhere'
  first.raw.fill(0)
  t.is(chain?.peerCertificate().subjectaltname, 'DNS:localhost')
  t.true(chain?.hasLeaf(der(server)))
  t.true(chain?.peerCertificate().raw.equals(der(server)))
})

test('certificate chain: one that equals the last is the same object, and any other certificate makes a new one', async t => {
  const { root, intermediate, server } = await makeChain()
  const [other, otherRoot] = await Promise.all([makeServer({ issuer: intermediate }), makeAuthority('Root')])
  const whole = () => chained(server, intermediate, root)
  const sent = () => [der(server), der(intermediate)]
  const last = capture(whole(), sent())
  t.is(capture(whole(), sent(), last), last)
  const unclosed = whole()
  Object.assign(unclosed.issuerCertificate.issuerCertificate, { issuerCertificate: undefined })
  const others: [string, tls.DetailedPeerCertificate, Buffer[]][] = [
    ['another leaf', chained(other, intermediate, root), sent()],
    ['another root', chained(server, intermediate, otherRoot), sent()],
    ['no root', chained(server, intermediate), sent()],
    ['a certificate more', chained(server, intermediate, root, otherRoot), sent()],
    ['a root that is not its own issuer', unclosed, sent()],
    ['another leaf among those sent', whole(), [der(other), der(intermediate)]],
    ['another order of those sent', whole(), sent().reverse()],
    ['one less sent', whole(), [der(server)]],
    ['one more sent', whole(), [...sent(), der(root)]],
  ]
  for (const [what, certificate, own] of others) {
    const chain = capture(certificate, own, last)
    t.not(chain, last, what)
    t.deepEqual(chain?.encode(), capture(certificate, own)?.encode(), what)
  }
})

test('certificate chain: the last one is not changed with the object that was compared with it', async t => {
  const { root, server } = await makeChain()
  const last = capture(chained(server, root))
  const before = last?.peerCertificate()
  const seen = chained(server, root)
  t.is(capture(seen, undefined, last), last)
  seen.raw.fill(0)
  t.deepEqual(last?.peerCertificate(), before)
  t.true(last?.hasLeaf(der(server)))
})

test('certificate chain: the next change is the next date of any certificate', async t => {
  const root = await makeAuthority('Root', { notBefore: fromNow(-50 * DAY), notAfter: fromNow(40 * DAY) })
  const server = await makeServer({
    issuer: root,
    notBefore: fromNow(-DAY),
    notAfter: fromNow(5 * DAY),
  })
  const chain = capture(chained(server, root))
  const dates = [root, server].flatMap(({ cert }) => {
    const { validFrom, validTo } = new X509Certificate(cert)
    return [Date.parse(validFrom), Date.parse(validTo)]
  })
  for (const date of dates) t.is(chain?.nextChange(date - 1), date)
  t.is(chain?.nextChange(Math.max(...dates)), Number.POSITIVE_INFINITY)
})

test('certificate chain: only the first certificate is the leaf', async t => {
  const { root, server } = await makeChain()
  const chain = capture(chained(server, root))
  t.true(chain?.hasLeaf(der(server)))
  t.false(chain?.hasLeaf(der(root)))
  t.false(chain?.hasLeaf(Buffer.alloc(0)))
})

test('certificate chain: an object without certificates, or one that never ends, is no chain', t => {
  t.is(capture({} as tls.DetailedPeerCertificate, undefined), undefined)
  const endless = {
    raw: Buffer.of(1),
    get issuerCertificate() {
      return Object.create(endless)
    },
  }
  t.is(capture(endless as tls.DetailedPeerCertificate, undefined), undefined)
})

test('certificate chain: its verification holds while all certificates are valid that were valid then', async t => {
  const root = await makeAuthority('Root', { notBefore: fromNow(-50 * DAY), notAfter: fromNow(40 * DAY) })
  const intermediate = await makeAuthority('Intermediate', {
    issuer: root,
    notBefore: fromNow(-5 * DAY),
    notAfter: fromNow(2 * DAY),
  })
  const server = await makeServer({
    issuer: intermediate,
    notBefore: fromNow(-DAY),
    notAfter: fromNow(5 * DAY),
  })
  const chain = capture(chained(server, intermediate, root), undefined)
  const dates = (holder: Holder) => {
    const { validFrom, validTo } = new X509Certificate(holder.cert)
    return { from: Date.parse(validFrom), until: Date.parse(validTo) }
  }
  const none = () => false
  t.deepEqual(chain?.validity(Date.now(), none), {
    goodFrom: dates(server).from,
    goodUntil: dates(intermediate).until,
  })
  // OpenSSL did not need what had expired then, as the root of a cross-signed chain.
  t.is(chain?.validity(Date.now() + 3 * DAY, none).goodUntil, dates(server).until)
  t.is(chain?.validity(Date.now() - 3 * DAY, none).goodUntil, dates(intermediate).until)
})

test('certificate chain: what is behind a trust anchor does not limit its verification', async t => {
  const old = await makeAuthority('Old root', { notAfter: fromNow(DAY) })
  const root = await makeAuthority('Root', { notAfter: fromNow(40 * DAY) })
  const crossed = await makeAuthority('Root', { issuer: old, keys: root.keys, notAfter: fromNow(30 * DAY) })
  const server = await makeServer({ issuer: root, notAfter: fromNow(50 * DAY) })
  const chain = capture(chained(server, crossed, old), undefined)
  const until = ({ cert }: Holder) => Date.parse(new X509Certificate(cert).validTo)
  t.is(chain?.validity(Date.now(), () => false).goodUntil, until(old))
  t.is(chain?.validity(Date.now(), isTrustAnchor(root.cert)).goodUntil, until(crossed))
})

test('certificate chain: trust anchors are read only where they make a difference', async t => {
  const until = (days: number) => ({ notBefore: fromNow(-50 * DAY), notAfter: fromNow(days * DAY) })
  const root = await makeAuthority('Root', until(60))
  const intermediate = await makeAuthority('Intermediate', { issuer: root, ...until(40) })
  const server = await makeServer({ issuer: intermediate, notAfter: fromNow(20 * DAY) })
  let calls = 0
  const isAnchor = () => ++calls > 0
  const chain = capture(chained(server, intermediate, root), undefined)
  t.is(chain?.validity(Date.now(), isAnchor).goodUntil, Date.parse(new X509Certificate(server.cert).validTo))
  t.is(calls, 0)
})

test('trust anchors: one is known by name and public key, in every form in which ca may be given', async t => {
  const root = await makeAuthority('Root')
  const crossed = new X509Certificate(
    (await makeAuthority('Root', { issuer: await makeAuthority('Old'), keys: root.keys })).cert,
  )
  const [renamed, rekeyed] = await Promise.all([
    makeAuthority('Other', { keys: root.keys }),
    makeAuthority('Root'),
  ])
  const forms: unknown[] = [
    root.cert,
    Buffer.from(root.cert),
    new Uint8Array(Buffer.from(root.cert)),
    [rekeyed.cert, root.cert],
    [[Buffer.from(rekeyed.cert)], `text before\n${root.cert}`],
    root.cert.replaceAll('CERTIFICATE', 'TRUSTED CERTIFICATE').replaceAll('TRUSTED ', ''),
  ]
  for (const ca of forms) {
    t.true(isTrustAnchor(ca)(crossed))
    t.false(isTrustAnchor(ca)(new X509Certificate(renamed.cert)))
  }
  t.false(isTrustAnchor(root.cert)(new X509Certificate(rekeyed.cert)))
})

test('trust anchors: an intermediate is none, though it is among the CAs', async t => {
  const { root, intermediate } = await makeChain()
  const isAnchor = isTrustAnchor([intermediate.cert, root.cert])
  t.false(isAnchor(new X509Certificate(intermediate.cert)))
  t.true(isAnchor(new X509Certificate(root.cert)))
})

test('trust anchors: what is no certificate is no anchor', async t => {
  const root = new X509Certificate((await makeAuthority('Root')).cert)
  const broken = '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n'
  for (const ca of ['', 'text', broken, Buffer.alloc(0), [], [5, {}, null], 5])
    t.false(isTrustAnchor(ca)(root))
})

test('trust anchors: without the ca option they are the default certificates', async t => {
  const [first] = tls.rootCertificates
  t.true(isTrustAnchor(undefined)(new X509Certificate(first ?? '')))
  t.false(isTrustAnchor(undefined)(new X509Certificate((await makeAuthority('Root')).cert)))
})
