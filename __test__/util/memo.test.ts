import test from 'ava'
import fc from 'fast-check'
import { InputMemo } from '../../dist/util/memo.js'

/** A memo whose results are the numbers of the calls that computed them. */
function makeMemo(max = 2) {
  const memo = new InputMemo<number>(max)
  let calls = 0
  return { memo, get: (...inputs: unknown[]) => memo.get(inputs, () => ++calls) }
}

test('memo: equal text, numbers and bytes have one result', t => {
  const { get } = makeMemo()
  t.is(get('a', 1, undefined, Buffer.from('PEM')), 1)
  t.is(get('a', 1, undefined, Buffer.from('PEM')), 1)
  t.is(get('a', 1, undefined, new Uint8Array(Buffer.from('PEM'))), 1)
  t.is(get('a', 1, undefined, new DataView(new Uint8Array(Buffer.from('PEM')).buffer)), 1)
})

test('memo: other inputs have results of their own', t => {
  const { get } = makeMemo(20)
  const lists = [
    [],
    ['a'],
    ['a', 1],
    [1, 'a'],
    ['a', '1'],
    ['a', undefined],
    [Buffer.from('a'), 1],
    [Buffer.from('b'), 1],
    [Buffer.from(''), 1],
    [Symbol('a'), 1],
  ]
  t.deepEqual(
    lists.map(list => get(...list)),
    lists.map((_, index) => index + 1),
  )
})

test('memo: bytes count by what they are at the time of the call', t => {
  const { get } = makeMemo()
  const bytes = Buffer.from('OLD')
  t.is(get(bytes), 1)
  bytes.write('NEW')
  t.is(get(bytes), 2)
  t.is(get(Buffer.from('OLD')), 1)
  t.is(get(Buffer.from('xNEWx').subarray(1, 4)), 2)
})

test('memo: objects without known content are computed each time', t => {
  const { get } = makeMemo()
  for (const object of [
    {},
    [],
    () => {},
    new Date(0),
    new ArrayBuffer(1),
    new Uint8Array(new SharedArrayBuffer(1)),
  ]) {
    t.not(get('a', object), get('a', object))
  }
})

test('memo: the inputs that were not used for the longest are forgotten', t => {
  const { memo, get } = makeMemo(2)
  t.deepEqual(
    ['a', 'b', 'a', 'c', 'a', 'b'].map(input => get(input)),
    [1, 2, 1, 3, 1, 4],
  )
  memo.clear()
  t.is(get('a'), 5)
})

test('memo: an error of the computation is thrown, and not remembered', t => {
  const memo = new InputMemo<number>(2)
  const fail = () => {
    throw new Error('no')
  }
  t.throws(() => memo.get(['a'], fail), { message: 'no' })
  t.is(
    memo.get(['a'], () => 1),
    1,
  )
})

test.serial('memo: copies of bytes are wiped when they are evicted or cleared', t => {
  const copies: Buffer[] = []
  const { allocUnsafeSlow } = Buffer
  Buffer.allocUnsafeSlow = size => {
    const copy = allocUnsafeSlow(size)
    copies.push(copy)
    return copy
  }
  t.teardown(() => {
    Buffer.allocUnsafeSlow = allocUnsafeSlow
  })
  const { memo, get } = makeMemo(1)
  get(Buffer.from('first secret'), 'and', Buffer.from('its second part'))
  t.deepEqual(copies.map(String), ['first secret', 'its second part'])
  get(Buffer.from('another'))
  t.deepEqual(
    copies.map(copy => copy.every(byte => byte === 0)),
    [true, true, false],
  )
  memo.clear()
  t.true(copies.every(copy => copy.every(byte => byte === 0)))
})

test('memo: it agrees with a computation that is done each time', t => {
  const input = fc.oneof(
    fc.constantFrom('a', 'b', 1, undefined),
    fc.constantFrom('a', 'b').map(text => Buffer.from(text)),
  )
  const describe = (inputs: readonly unknown[]) =>
    inputs.map(each => (Buffer.isBuffer(each) ? `bytes ${each}` : `${typeof each} ${each}`)).join()
  t.notThrows(() =>
    fc.assert(
      fc.property(fc.array(fc.array(input, { maxLength: 3 }), { maxLength: 30 }), lists => {
        const memo = new InputMemo<string>(3)
        return lists.every(list => memo.get(list, () => describe(list)) === describe(list))
      }),
    ),
  )
})
