import { readFileSync } from 'node:fs'
import test from 'ava'
import { native } from '../../dist/native/addon.js'

/** Current in January 2026. */
const pem = readFileSync(new URL('../../crates/session/tests/crls/january.pem', import.meta.url))
const der = readFileSync(new URL('../../crates/session/tests/crls/january.der', import.meta.url))

test('crlNextUpdate: a current list bounds, and others do not', t => {
  for (const list of [pem, der, Buffer.concat([pem, pem]), new Uint8Array(pem)]) {
    t.is(native.crlNextUpdate(list, Date.UTC(2026, 0, 15)), Date.UTC(2026, 1, 1))
    t.is(native.crlNextUpdate(list, Date.UTC(2026, 1, 1)), Number.POSITIVE_INFINITY)
    t.is(native.crlNextUpdate(list, Date.UTC(2025, 11, 31)), Number.POSITIVE_INFINITY)
  }
})

test('crlNextUpdate: malformed bytes give NaN', t => {
  for (const bytes of [Buffer.alloc(0), Buffer.from('no list'), der.subarray(1), pem.subarray(0, -30)]) {
    t.is(native.crlNextUpdate(bytes, Date.UTC(2026, 0, 15)), Number.NaN)
  }
})

test('crlNextUpdate: only bytes are taken', t => {
  t.throws(() => native.crlNextUpdate(pem.toString() as never, 0), {
    message: '`bytes` must be a Uint8Array',
  })
})
