import { X509Certificate } from 'node:crypto'
import type tls from 'node:tls'
import test from 'ava'
import { CertificateChain } from '../../dist/session/certificate-chain.js'
import { ChainValidity } from '../../dist/session/chain-validity.js'
import { fromNow, type Holder, makeAuthority, makeServer } from '../support/chains.ts'

const DAY = 86_400_000

/** Returns the chain of these certificates, the peer's own first. The last one is its own issuer. */
function chainOf(...holders: Holder[]): CertificateChain {
  const all = holders.map(
    ({ cert }) => ({ raw: new X509Certificate(cert).raw }) as unknown as tls.DetailedPeerCertificate,
  )
  for (const [index, each] of all.entries()) each.issuerCertificate = all[index + 1] ?? each
  const issuers = CertificateChain.copyIssuers(all[0] as tls.DetailedPeerCertificate)
  if (issuers === undefined) throw new Error('no chain')
  return CertificateChain.of(issuers, undefined)
}

const until = ({ cert }: Holder) => Date.parse(new X509Certificate(cert).validTo)

/** Two certificates of one trust anchor, of which the second becomes valid later, and two chains to it. */
async function makeInputs() {
  const root = await makeAuthority('Root', { notBefore: fromNow(-50 * DAY), notAfter: fromNow(10 * DAY) })
  const next = await makeAuthority('Root', {
    keys: root.keys,
    notBefore: fromNow(5 * DAY),
    notAfter: fromNow(20 * DAY),
  })
  const servers = await Promise.all(
    [2, 40].map(days =>
      makeServer({ issuer: root, notBefore: fromNow(-DAY), notAfter: fromNow(days * DAY) }),
    ),
  )
  const [short, long] = servers as [Holder, Holder]
  return { root, next, short, long }
}

test('chain validity: the last result counts until a date has passed', async t => {
  const { root, next, long } = await makeInputs()
  const trust = { ca: [root.cert, next.cert], crls: [], hasOwnContext: false }
  const [chain, validity] = [chainOf(long, next), new ChainValidity()]
  const now = Date.now()
  const first = validity.at(now, chain, () => trust)
  t.is(first?.goodUntil, until(root))
  t.is(
    validity.at(now + DAY, chain, () => trust),
    first,
  )
  // Each result is that of a computation without a memory, also where the clock was put back.
  for (const days of [6, 7, 11, 15, 3, 0, -2, 21, 60]) {
    const at = now + days * DAY
    t.deepEqual(
      validity.at(at, chain, () => trust),
      new ChainValidity().at(at, chain, () => trust),
      `${days} days`,
    )
  }
  t.is(validity.at(now + 6 * DAY, chain, () => trust)?.goodUntil, until(next))
})

test('chain validity: the last result is that of its chain only', async t => {
  const { root, short, long } = await makeInputs()
  const trust = { ca: root.cert, crls: [], hasOwnContext: false }
  const validity = new ChainValidity()
  const now = Date.now()
  for (const server of [short, long, short]) {
    const expected = Math.min(until(server), until(root))
    t.is(validity.at(now, chainOf(server, root), () => trust)?.goodUntil, expected)
  }
})

test('chain validity: revocation lists are read each time, and a wrong one means no result', async t => {
  const { root, long } = await makeInputs()
  const [chain, validity] = [chainOf(long, root), new ChainValidity()]
  const trust = { ca: root.cert, crls: [] as unknown[], hasOwnContext: false }
  const now = Date.now()
  const withLists = { ...trust, crls: ['no list'] }
  t.is(
    validity.at(now, chain, () => withLists),
    undefined,
  )
  t.truthy(validity.at(now, chain, () => trust))
})
