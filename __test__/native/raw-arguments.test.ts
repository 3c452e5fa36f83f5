import test from 'ava'
import { native } from '../../dist/native/addon.js'

const blob = Buffer.from('a session')

function open(): number {
  const { handle } = native.open({ max: 10, sweepInterval: 0 })
  return handle
}

function get(handle: number, key: string | Uint8Array): string {
  const out = Buffer.alloc(100)
  return out.toString('utf8', 0, native.get(handle, key, out))
}

test('raw arguments: strings with lone surrogates are different keys', t => {
  const handle = open()
  const keys = ['a\ud800b', 'a\ud801b', 'a\udc00b', 'a\ufffdb', 'a\ud83d\ude00b']
  for (const key of keys)
    native.set(handle, key, Buffer.from(encodeURIComponent(key.charCodeAt(1))), 0, false)
  t.deepEqual(
    keys.map(key => get(handle, key)),
    keys.map(key => encodeURIComponent(key.charCodeAt(1))),
  )
  t.is(native.size(handle), keys.length)
  native.close(handle)
})

test('raw arguments: a string is the same key as its UTF-8', t => {
  const handle = open()
  for (const key of ['peer', 'a\ufffdb', 'a\u{1f600}b']) {
    native.set(handle, key, blob, 0, false)
    t.is(get(handle, Buffer.from(key)), 'a session')
  }
  native.close(handle)
})

test('raw arguments: memory that threads share is refused as a key and as a blob', t => {
  const handle = open()
  const shared = new Uint8Array(new SharedArrayBuffer(8)).fill(1)
  Object.defineProperty(shared, 'buffer', { value: new ArrayBuffer(8) })
  t.throws(() => native.set(handle, 'peer', shared, 0, false), { message: /`blob` must be memory that no/ })
  t.throws(() => native.set(handle, shared, blob, 0, false), { message: /`key` must be memory that no/ })
  t.is(native.size(handle), 0)
  native.close(handle)
})

test('raw arguments: a closed handle stays closed when its slot is used again', t => {
  const first = open()
  native.close(first)
  const second = open()
  t.not(second, first)
  native.set(second, 'peer', blob, 0, false)
  t.throws(() => get(first, 'peer'), { message: /the handle is not open/ })
  native.close(first)
  t.is(get(second, 'peer'), 'a session')
  native.close(second)
})
