/** Functions of Node are the same in every thread; what a package has put in their place is not. */
import tls from 'node:tls'
import test from 'ava'
import { SessionCache, sessionKey } from 'tls-resumption'
import { isBuiltin, sourceText } from '../../dist/node/builtin-functions.js'
import { createAuthority } from '../../fixtures/certificates.ts'
import { startServer } from '../support/server.ts'
import { runWorker } from '../workers/start.ts'
import type { Wrapped, Wrapping } from '../workers/wrapped.ts'

const run = (data: Wrapping) => runWorker<Wrapped>('wrapped.ts', data)

for (const name of ['createSecureContext', 'checkServerIdentity'] as const) {
  const original = tls[name] as (...args: unknown[]) => unknown

  const WRAPPERS: Record<string, (...args: unknown[]) => unknown> = {
    'a wrapper': (...args) => original(...args),
    'a method': { wrap: (...args: unknown[]) => original(...args) }.wrap,
    'a bound wrapper': function (this: unknown, ...args: unknown[]) {
      return original.apply(this, args)
    }.bind(null),
    'a proxy': new Proxy(original, { apply: (target, self, args) => Reflect.apply(target, self, args) }),
    'one that copies what it is given': (first, second) =>
      original({ ...(first as object) }, { ...(second as object) }),
    'one that reads a property first': (first, second) =>
      original(first, second, (second as { raw?: unknown }).raw ?? (first as { ca?: unknown }).ca),
    'one that looks whether there is a property': (first, second) =>
      original('ca' in (first as object), 'subject' in (second as object)),
    'one that swallows what is thrown': (...args) => {
      try {
        return original(...args)
      } catch {
        return undefined
      }
    },
    'one that tries twice': (first, second) => {
      try {
        void (first as { ca?: unknown }).ca
      } catch {}
      return original(first, second)
    },
    'one that does nothing': () => undefined,
    'one that throws': () => {
      throw new Error('not now')
    },
    'a class': class {} as never,
    'one with the text of the original': Object.assign((...args: unknown[]) => original(...args), {
      toString: () => original.toString(),
    }),
  }

  test(`tls.${name} is recognised as Node's own`, t => {
    t.true(isBuiltin(original))
  })

  for (const [what, wrapper] of Object.entries(WRAPPERS)) {
    test(`${what} that replaces tls.${name} is not taken for Node's own`, t => {
      t.false(isBuiltin(wrapper))
    })
  }

  test(`two threads in which tls.${name} was wrapped before the package was loaded share no key`, async t => {
    const [one, other] = await Promise.all([run({ wrap: [name] }), run({ wrap: [name] })])
    // Contexts that Node did not make itself are not cacheable at all.
    t.is(typeof one.key, name === 'createSecureContext' ? 'undefined' : 'string')
    if (one.key !== undefined) t.not(one.key, other.key)
    t.not(one.key, sessionKey({ host: 'db.example', port: 5432 }))
  })
}

test('threads without wrappers share their keys', async t => {
  t.is((await run({ wrap: [] })).key, sessionKey({ host: 'db.example', port: 5432 }))
})

test('looking at a function leaves the ways of errors as they were', t => {
  const { stackTraceLimit } = Error
  const prepareStackTrace = Object.getOwnPropertyDescriptor(Error, 'prepareStackTrace')
  isBuiltin(tls.checkServerIdentity)
  t.is(Error.stackTraceLimit, stackTraceLimit)
  t.is(Error.prepareStackTrace, prepareStackTrace?.value)
})

test('the source of a function is its own, whatever its toString says', t => {
  const fn = Object.assign(() => 'mine', { toString: () => 'another' })
  t.true(sourceText(fn).includes('mine'))
})

test('a thread that injects another CA is not led to trust by the sessions of one that does not', async t => {
  const { port, ca } = await startServer(t)
  const { cert: otherCa } = await createAuthority({ algorithm: 'ecdsa', name: 'Other authority' })
  using _open = new SessionCache({ name: t.title })
  const connect = { port, name: t.title }
  const [knowing] = (await run({ wrap: ['createSecureContext'], ca, connect })).outcomes
  t.like(knowing, { resumed: false, authorized: true })
  const { outcomes } = await run({ wrap: ['createSecureContext'], ca: otherCa, connect })
  t.deepEqual(
    outcomes.map(({ refused }) => refused),
    ['UNABLE_TO_VERIFY_LEAF_SIGNATURE', 'UNABLE_TO_VERIFY_LEAF_SIGNATURE'],
  )
})

test('a check that replaces the default one is asked before each session is offered', async t => {
  const { port, ca } = await startServer(t)
  const { outcomes } = await run({
    wrap: ['checkServerIdentity'],
    connect: { port, name: t.title, ca },
    trusted: 3,
  })
  t.deepEqual(
    outcomes.map(({ resumed, refused }) => refused ?? resumed),
    [false, true, true, 'rejected'],
  )
})
