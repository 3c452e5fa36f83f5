/** The ring as its users see it. */
import { randomBytes } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import tls from 'node:tls'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import test from 'ava'
import { TicketKeys } from 'tls-resumption'
import { finish, startServer } from '../support/server.ts'

test('a ring begins with one key, and a rotation adds one', t => {
  const keys = new TicketKeys()
  t.deepEqual(generations(keys), [0])
  keys.rotate()
  t.deepEqual(generations(keys), [1, 0])
})

test('as many keys are kept as told', t => {
  const keys = new TicketKeys({ keep: 2 })
  for (let n = 0; n < 5; n++) keys.rotate()
  t.deepEqual(generations(keys), [5, 4])
})

test('unless told, keys are kept for two hours after they have encrypted, or 64 of them', t => {
  const kept = (rotateEvery: number) => {
    const keys = new TicketKeys({ rotateEvery })
    for (let n = 0; n < 100; n++) keys.rotate()
    return keys.stats().keys.length
  }
  t.deepEqual([3_600_000, 1_800_000, 7_200_000, 86_400_000, 60_000].map(kept), [3, 5, 2, 2, 64])
})

test('keys rotate and go by themselves, though nobody asks for one', async t => {
  const keys = new TicketKeys({ rotateEvery: 200, keep: 2 })
  // The timer does not keep a process alive; a test has to.
  while (keys.stats().keys[0]?.generation === 0) await delay(50)
  t.true(keys.stats().keys.length <= 2)
})

test('rings of one name are one, those without a name are not', t => {
  const [a, b] = [new TicketKeys({ name: t.title }), new TicketKeys({ name: t.title })]
  const [c, d] = [new TicketKeys(), new TicketKeys()]
  a.rotate()
  c.rotate()
  t.deepEqual(generations(b), [1, 0])
  t.deepEqual(generations(d), [0])
})

test('a ring and a cache may have the same name', t => {
  const name = t.title
  t.is(new TicketKeys({ name }).name, name)
  t.deepEqual(generations(new TicketKeys({ name })), [0])
})

test('options that contradict those of the name are refused with both values', t => {
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
  test(`options ${JSON.stringify(options)} are refused`, t => {
    t.throws(() => new TicketKeys(options as never), { code, message })
  })
}

test('a given key is the newest', t => {
  const keys = new TicketKeys({ rotateEvery: 0 })
  keys.insert(randomBytes(48))
  t.deepEqual(generations(keys), [1, 0])
})

test('a key that is no key is refused without being shown', t => {
  const keys = new TicketKeys()
  for (const key of ['hunter2', randomBytes(47), randomBytes(80), undefined]) {
    const error = t.throws(() => keys.insert(key as never), { code: 'ERR_INVALID_ARG_TYPE' })
    t.false(error.message.includes('hunter2'))
  }
})

test('a key that is not random is refused', t => {
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

test('a key that the ring has, or a part of one, is refused', t => {
  const keys = new TicketKeys()
  const key = randomBytes(48)
  keys.insert(key)
  const code = 'ERR_TLS_RESUMPTION_TICKET_KEY'
  t.throws(() => keys.insert(key), { code, message: /has a key of that name or secret/ })
  const sameName = Buffer.concat([key.subarray(0, 16), randomBytes(32)])
  t.throws(() => keys.insert(sameName), { code, message: /has a key of that name or secret/ })
})

test('what is no server is refused, and options that are wrong', t => {
  const keys = new TicketKeys()
  t.throws(() => keys.attach({} as tls.Server), { code: 'ERR_INVALID_ARG_TYPE' })
  const server = tls.createServer()
  t.throws(() => keys.attach(server, { uniformClientTrust: 1 } as never), { code: 'ERR_INVALID_ARG_TYPE' })
  t.throws(() => keys.attach(server, { uniform: true } as never), {
    code: 'ERR_TLS_RESUMPTION_UNKNOWN_OPTION',
  })
})

test('a server has one ring, until that is detached', t => {
  const server = tls.createServer()
  const attached = new TicketKeys().attach(server)
  t.throws(() => new TicketKeys().attach(server), { code: 'ERR_TLS_RESUMPTION_SERVER_IN_USE' })
  attached[Symbol.dispose]()
  t.notThrows(() => new TicketKeys().attach(server))
})

test('a ring disposed of is refused everything, and never takes another one for itself', t => {
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

test.serial('a wall clock that is put forward or back moves no key', async t => {
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

test('a ring that its owner lets go of is closed', async t => {
  setFlagsFromString('--expose-gc')
  const gc: () => void = runInNewContext('gc')
  const name = t.title
  ;(() => new TicketKeys({ name }).rotate())()
  // It begins anew once nobody has it.
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

test('no key is printed', t => {
  const keys = new TicketKeys()
  t.regex(JSON.stringify(keys), /^\{\}$/)
  t.deepEqual(Object.keys(keys.stats().keys[0] ?? {}).sort(), ['age', 'generation'])
})

function generations(keys: TicketKeys): number[] {
  return keys.stats().keys.map(({ generation }) => generation)
}
