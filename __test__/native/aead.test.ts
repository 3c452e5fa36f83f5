/** The addon's AES-256-GCM, with that of Node.js as the yardstick. */
import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto'
import test from 'ava'
import { native } from '../../dist/native/addon.js'
import { aeadOpen, aeadSeal } from '../../dist/native/aead.js'

const CIPHER = 'aes-256-gcm'

test('aead: Node.js opens what the addon seals, and the addon what Node.js seals', t => {
  for (const length of [0, 1, 15, 16, 17, 48, 127, 128, 129, 3641, 70_000]) {
    const [key, nonce, boundTo, secret] = [32, 12, length % 40, length].map(size => randomBytes(size))
    if (!key || !nonce || !boundTo || !secret) return
    const sealed = aeadSeal(key, nonce, boundTo, secret)
    const cipher = createCipheriv(CIPHER, key, nonce).setAAD(boundTo)
    t.deepEqual(sealed, Buffer.concat([cipher.update(secret), cipher.final(), cipher.getAuthTag()]))
    t.deepEqual(aeadOpen(key, nonce, boundTo, sealed), secret)
    const decipher = createDecipheriv(CIPHER, key, nonce).setAAD(boundTo).setAuthTag(sealed.subarray(-16))
    t.deepEqual(Buffer.concat([decipher.update(sealed.subarray(0, -16)), decipher.final()]), secret)
  }
})

test('aead: what was not sealed like that is not opened, and nothing is written', t => {
  const [key, nonce, boundTo, secret] = [32, 12, 5, 40].map(size => randomBytes(size))
  if (!key || !nonce || !boundTo || !secret) return
  const sealed = aeadSeal(key, nonce, boundTo, secret)
  const out = Buffer.alloc(secret.length)
  for (let at = 0; at < sealed.length; at++) {
    const damaged = Buffer.from(sealed)
    damaged[at] = (damaged[at] ?? 0) ^ 1
    t.false(native.aeadOpen(key, nonce, boundTo, damaged, out))
  }
  t.false(native.aeadOpen(key, nonce, boundTo.subarray(1), sealed, out))
  t.false(native.aeadOpen(key, randomBytes(12), boundTo, sealed, out))
  t.false(native.aeadOpen(randomBytes(32), nonce, boundTo, sealed, out))
  t.deepEqual(out, Buffer.alloc(secret.length))
  t.is(aeadOpen(key, nonce, boundTo, sealed.subarray(0, 15)), undefined)
})

test('aead: keys, nonces and buffers of other lengths are rejected', t => {
  const arrays = { key: 32, nonce: 12, boundTo: 0, secret: 10, out: 26 }
  const make = (changed: Partial<typeof arrays>) => {
    const { key, nonce, boundTo, secret, out } = { ...arrays, ...changed }
    const bytes = (length: number) => Buffer.alloc(length, 1)
    return [bytes(key), bytes(nonce), bytes(boundTo), bytes(secret), bytes(out)] as const
  }
  t.true(native.aeadSeal(...make({})))
  for (const changed of [{ key: 16 }, { key: 0 }, { nonce: 16 }, { out: 10 }, { out: 27 }, { out: 0 }]) {
    t.throws(() => native.aeadSeal(...make(changed)), { code: 'InvalidArg' }, JSON.stringify(changed))
  }
  for (const changed of [{ key: 31 }, { nonce: 11 }, { secret: 15, out: 0 }, { secret: 26, out: 11 }]) {
    t.throws(() => native.aeadOpen(...make(changed)), { code: 'InvalidArg' }, JSON.stringify(changed))
  }
})
