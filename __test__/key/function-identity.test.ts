/** Functions and contexts count by their identity, which means nothing in another thread. */
import tls from 'node:tls'
import test from 'ava'
import { callbackToken, identifyBuiltin, identityToken } from '../../dist/key/function-identity.js'
import { runWorker } from '../workers/start.ts'

test('the first function of one thread is not that of another', async t => {
  const [one, other] = await Promise.all([
    runWorker<string[]>('keys.ts', undefined),
    runWorker<string[]>('keys.ts', undefined),
  ])
  t.is(one[0], other[0], 'keys without a function are the same')
  t.is(typeof one[1], 'string')
  t.is(typeof other[1], 'string')
  t.not(one[1], other[1])
})

test('the tag of an object is its own, and stays', t => {
  const [one, other] = [{}, {}]
  t.not(identityToken(one), identityToken(other))
  t.is(identityToken(one), identityToken(one))
  const callback = () => 'of the test'
  t.is(callbackToken(callback), identityToken(callback))
})

test('builtins: a replacement of a function of Node has its identity token', t => {
  const tag = identifyBuiltin(tls.checkServerIdentity)
  const [one, other] = [() => undefined, () => undefined]
  t.regex(tag(tls.checkServerIdentity), /^builtin\//)
  t.is(tag(tls.checkServerIdentity), identifyBuiltin(tls.checkServerIdentity)(tls.checkServerIdentity))
  t.not(tag(tls.checkServerIdentity), identifyBuiltin(tls.createSecureContext)(tls.createSecureContext))
  t.is(tag(one), identityToken(one))
  t.not(tag(one), tag(other))
  t.not(identifyBuiltin(one)(one), identifyBuiltin(other)(other))
})
