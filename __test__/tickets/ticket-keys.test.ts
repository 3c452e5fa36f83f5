/** The public interface of a ring. */
import { randomBytes } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import tls from 'node:tls'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import test from 'ava'
import { TicketKeys, type TicketKeysOptions } from 'tls-resumption'
import { finish, startServer } from '../support/server.ts'

test('ring: it begins with one key, and a rotation adds one', t => {
  const keys = new TicketKeys()
  t.deepEqual(generations(keys), [0])
  keys.rotate()
  t.deepEqual(generations(keys), [1, 0])
})

test('keep: at most that number of keys is kept', t => {
  const keys = new TicketKeys({ keep: 2 })
  for (let n = 0; n < 5; n++) keys.rotate()
  t.deepEqual(generations(keys), [5, 4])
})

test('keep: the default covers two hours and one interval, and is 64 at most', t => {
  const kept = (rotateEvery: number) => {
    const keys = new TicketKeys({ rotateEvery })
    for (let n = 0; n < 100; n++) keys.rotate()
    return keys.stats().keys.length
  }
  t.deepEqual([3_600_000, 1_800_000, 7_200_000, 86_400_000, 60_000].map(kept), [3, 5, 2, 2, 64])
})

test('ring: keys rotate and expire without any ticket', async t => {
  const keys = new TicketKeys({ rotateEvery: 200, keep: 2 })
  // The timer does not keep the process alive.
  while (keys.stats().keys[0]?.generation === 0) await delay(50)
  t.true(keys.stats().keys.length <= 2)
})

test('name: rings of one name share their keys, others do not', t => {
  const [a, b] = [new TicketKeys({ name: t.title }), new TicketKeys({ name: t.title })]
  const [c, d] = [new TicketKeys(), new TicketKeys()]
  a.rotate()
  c.rotate()
  t.deepEqual(generations(b), [1, 0])
  t.deepEqual(generations(d), [0])
})

test('name: a ring and a cache may have the same name', t => {
  const name = t.title
  t.is(new TicketKeys({ name }).name, name)
  t.deepEqual(generations(new TicketKeys({ name })), [0])
})

test('name: other options than those it is open with are rejected with both values', t => {
  const name = t.title
  const keys = new TicketKeys({ name, rotateEvery: 1000, keep: 3 })
  t.throws(() => new TicketKeys({ name, rotateEvery: 2000, keep: 4 }), {
    code: 'ERR_TLS_RESUMPTION_NAME_CONFLICT',
    message: `The ring '${name}' is open with other options: rotateEvery is 1000, asked for 2000; keep is 3, asked for 4`,
  })
  keys[Symbol.dispose]()
  t.notThrows(() => new TicketKeys({ name, rotateEvery: 2000, keep: 4 }))
})

for (const [options, code, message] of [
  [null, 'ERR_INVALID_ARG_TYPE', /"options" argument/],
  [{ name: 1 }, 'ERR_INVALID_ARG_TYPE', /"name" option/],
  [{ name: '' }, 'ERR_OUT_OF_RANGE', /"name" option/],
  [{ rotateEvery: '1h' }, 'ERR_INVALID_ARG_TYPE', /"rotateEvery" option/],
  [{ rotateEvery: -1 }, 'ERR_OUT_OF_RANGE', /"rotateEvery" option/],
  [{ rotateEvery: 604_800_001 }, 'ERR_OUT_OF_RANGE', /"rotateEvery" option/],
  [{ keep: 0 }, 'ERR_OUT_OF_RANGE', /"keep" option/],
  [{ keep: 65 }, 'ERR_OUT_OF_RANGE', /"keep" option/],
  [{ rotateevery: 1 }, 'ERR_TLS_RESUMPTION_UNKNOWN_OPTION', /did you mean 'rotateEvery'/],
] as const) {
  test(`options: ${JSON.stringify(options)} is rejected`, t => {
    t.throws(() => new TicketKeys(options as never), { code, message })
  })
}

test('insert: the key becomes the active one', t => {
  const keys = new TicketKeys({ rotateEvery: 0 })
  keys.insert(randomBytes(48))
  t.deepEqual(generations(keys), [1, 0])
})

test('insert: anything but a key is rejected and not shown', t => {
  const keys = new TicketKeys()
  for (const key of ['hunter2', randomBytes(47), randomBytes(80), undefined]) {
    const error = t.throws(() => keys.insert(key as never), { code: 'ERR_INVALID_ARG_TYPE' })
    t.false(error.message.includes('hunter2'))
  }
})

test('insert: a key that is not random is rejected', t => {
  const keys = new TicketKeys()
  const code = 'ERR_TLS_RESUMPTION_TICKET_KEY'
  t.throws(() => keys.insert(Buffer.alloc(48)), { code, message: /not random/ })
  t.throws(() => keys.insert(Buffer.alloc(48, 7)), { code, message: /not random/ })
  const [name, secret] = [randomBytes(16), randomBytes(16)]
  t.throws(() => keys.insert(Buffer.concat([name, secret, secret])), { code, message: /not random/ })
  t.throws(() => keys.insert(Buffer.concat([name, secret, Buffer.alloc(16)])), {
    code,
    message: /not random/,
  })
})

test('insert: a key that shares a part with one of the ring is rejected', t => {
  const keys = new TicketKeys()
  const key = randomBytes(48)
  keys.insert(key)
  const code = 'ERR_TLS_RESUMPTION_TICKET_KEY'
  t.throws(() => keys.insert(key), { code, message: /has a key of that name or secret/ })
  const sameName = Buffer.concat([key.subarray(0, 16), randomBytes(32)])
  t.throws(() => keys.insert(sameName), { code, message: /has a key of that name or secret/ })
})

test('attach: anything but a server, and unknown options, are rejected', t => {
  const keys = new TicketKeys()
  t.throws(() => keys.attach({} as tls.Server), { code: 'ERR_INVALID_ARG_TYPE' })
  const server = tls.createServer()
  t.throws(() => keys.attach(server, { uniformClientTrust: 1 } as never), { code: 'ERR_INVALID_ARG_TYPE' })
  t.throws(() => keys.attach(server, { uniform: true } as never), {
    code: 'ERR_TLS_RESUMPTION_UNKNOWN_OPTION',
  })
})

test('attach: a server has one ring until that is detached', t => {
  const server = tls.createServer()
  const attached = new TicketKeys().attach(server)
  t.throws(() => new TicketKeys().attach(server), { code: 'ERR_TLS_RESUMPTION_SERVER_IN_USE' })
  attached[Symbol.dispose]()
  t.notThrows(() => new TicketKeys().attach(server))
})

test('dispose: a closed ring rejects each call, and does not reach another ring', t => {
  const keys = new TicketKeys()
  keys[Symbol.dispose]()
  keys[Symbol.dispose]()
  const other = new TicketKeys()
  const code = 'ERR_TLS_RESUMPTION_DISPOSED'
  t.throws(() => keys.rotate(), { code })
  t.throws(() => keys.insert(randomBytes(48)), { code })
  t.throws(() => keys.stats(), { code })
  t.throws(() => keys.attach(tls.createServer()), { code })
  t.deepEqual(generations(other), [0])
})

test.serial('ring: setting the wall clock does not change the age of keys', async t => {
  const keys = new TicketKeys({ rotateEvery: 3_600_000, keep: 2 })
  t.teardown(() => keys[Symbol.dispose]())
  const { server, port, ca } = await startServer(t)
  keys.attach(server)
  const { Date: RealDate } = globalThis
  t.teardown(() => {
    globalThis.Date = RealDate
  })
  let session: Buffer | undefined
  for (const years of [0, 10, -10]) {
    const shift = years * 365 * 86_400_000
    globalThis.Date = class extends RealDate {
      static override now = () => RealDate.now() + shift
      constructor() {
        super(RealDate.now() + shift)
      }
    } as DateConstructor
    const socket = tls.connect({ port, host: '127.0.0.1', servername: 'localhost', ca, session })
    socket.on('session', made => {
      session = made
    })
    t.is((await finish(socket)).resumed, years !== 0)
    const [key, ...others] = keys.stats().keys
    t.deepEqual(others, [])
    t.true(key !== undefined && key.age >= 0 && key.age < 3_600_000)
  }
})

test('ring: it is closed when it is collected', async t => {
  setFlagsFromString('--expose-gc')
  const gc: () => void = runInNewContext('gc')
  const name = t.title
  ;(() => new TicketKeys({ name }).rotate())()
  // A new ring has one key.
  const isNew = () => {
    using keys = new TicketKeys({ name })
    return keys.stats().keys.length === 1
  }
  while (!isNew()) {
    await delay(10)
    gc()
  }
  t.pass()
})

test.serial('attach: a sessionTimeout that exceeds the life of the keys causes a warning', async t => {
  const codes: string[] = []
  const onWarning = (warning: Error & { code?: string }) => codes.push(warning.code ?? '')
  process.on('warning', onWarning)
  t.teardown(() => process.off('warning', onWarning))
  const warned = async (sessionTimeout: number | undefined, options: TicketKeysOptions) => {
    codes.length = 0
    new TicketKeys(options).attach(tls.createServer({ sessionTimeout }))
    await delay(1)
    return codes.includes('TLS_RESUMPTION_SHORT_LIVED_KEYS')
  }
  const keys = { rotateEvery: 3_600_000, keep: 3 }
  t.false(await warned(undefined, keys))
  t.false(await warned(10_800, keys))
  t.true(await warned(10_801, keys))
  t.false(await warned(86_400, { rotateEvery: 0 }))
})

test('rotate, insert: they return promises, and ready resolves', async t => {
  const keys = new TicketKeys()
  await keys.ready
  await Promise.all([keys.rotate(), keys.insert(randomBytes(48)), keys.rotate()])
  t.deepEqual(generations(keys), [3, 2, 1])
})

test('stats: no key is printed', t => {
  const keys = new TicketKeys()
  t.regex(JSON.stringify(keys), /^\{\}$/)
  t.deepEqual(Object.keys(keys.stats().keys[0] ?? {}).sort(), ['age', 'generation'])
})

function generations(keys: TicketKeys): number[] {
  return keys.stats().keys.map(({ generation }) => generation)
}
