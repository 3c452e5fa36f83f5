/** Rings whose keys come from files or from a function. */
import { randomBytes } from 'node:crypto'
import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import tls from 'node:tls'
import test, { type ExecutionContext } from 'ava'
import { type KeySource, TicketKeys } from 'tls-resumption'
import { finish, startServer } from '../support/server.ts'

const CODE = 'ERR_TLS_RESUMPTION_TICKET_KEY'
/** As short as it may be. */
const refreshEvery = 100

function directory(t: ExecutionContext): string {
  const path = mkdtempSync(join(tmpdir(), 'tls-resumption-'))
  t.teardown(() => rmSync(path, { recursive: true }))
  return path
}

/** As nginx has it: name, AES key, HMAC key; and the same for Node: name, HMAC key, AES key. */
function newKey(): { nginx: Buffer; node: Buffer } {
  const [name, aes, hmac] = [randomBytes(16), randomBytes(16), randomBytes(16)]
  return { nginx: Buffer.concat([name, aes, hmac]), node: Buffer.concat([name, hmac, aes]) }
}

/** A server whose tickets come from such a ring, and a client of it. */
async function serve(t: ExecutionContext, source: KeySource) {
  const keys = new TicketKeys({ source, refreshEvery })
  t.teardown(() => keys[Symbol.dispose]())
  const { server, port, ca } = await startServer(t)
  keys.attach(server)
  let session: Buffer | undefined
  const visit = async (): Promise<boolean> => {
    const socket = tls.connect({ port, host: '127.0.0.1', servername: 'localhost', ca, session })
    socket.on('session', latest => {
      session = latest
    })
    return (await finish(socket)).resumed
  }
  return { keys, visit }
}

/** Waits until a source has been asked again, which no test can hasten. */
async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await delay(20)
}

test('files: no key is left in the memory that Buffers share', t => {
  const key = randomBytes(48)
  const file = join(directory(t), 'current')
  writeFileSync(file, key)
  const pool = () => Buffer.from(Buffer.allocUnsafe(1).buffer)
  const pools = [pool()]
  const keys = new TicketKeys({ source: { files: [file] } })
  pools.push(pool())
  for (const at of [0, 16, 32]) {
    for (const each of pools) t.is(each.indexOf(key.subarray(at, at + 16)), -1)
  }
  keys[Symbol.dispose]()
})

test('files: the first one encrypts, all decrypt, and they are read again', async t => {
  const [older, newer] = [newKey(), newKey()]
  const files = ['current', 'previous'].map(name => join(directory(t), name)) as [string, string]
  writeFileSync(files[0], older.nginx)
  writeFileSync(files[1], newKey().nginx)
  const { keys, visit } = await serve(t, { files })
  t.deepEqual([await visit(), await visit()], [false, true])

  const before = keys.stats().keys[0]?.generation
  writeFileSync(files[1], older.nginx)
  writeFileSync(files[0], newer.nginx)
  await until(() => keys.stats().keys[0]?.generation !== before && keys.stats().keys.length === 2)
  t.true(await visit())
  t.is(keys.stats().acceptedWithRetiredKey, 1)

  writeFileSync(files[1], newKey().nginx)
  const generations = () => keys.stats().keys.map(({ generation }) => generation)
  const now = generations().join()
  await until(() => generations().join() !== now)
  t.true(await visit(), 'the ticket was renewed with the newer key')
})

test("files: they have nginx's order of parts", async t => {
  const { nginx, node } = newKey()
  const file = join(directory(t), 'key')
  writeFileSync(file, nginx)
  const byFile = await serve(t, { files: [file] })
  t.false(await byFile.visit())
  const { server, port, ca } = await startServer(t, { sessionIdContext: 'one' })
  server.setTicketKeys(node)
  // What OpenSSL makes of the parts is seen by a server of plain Node with the same ones.
  let session: Buffer | undefined
  const first = tls.connect({ port, host: '127.0.0.1', servername: 'localhost', ca })
  first.on('session', latest => {
    session = latest
  })
  await finish(first)
  const plain = await startServer(t, { sessionIdContext: 'one' })
  const context = (
    plain.server as unknown as { _sharedCreds: { context: { setSessionIdContext(c: string): void } } }
  )._sharedCreds.context
  new TicketKeys({ source: { files: [file] } }).attach(plain.server)
  context.setSessionIdContext('one')
  const again = tls.connect({ port: plain.port, host: '127.0.0.1', servername: 'localhost', ca, session })
  t.true((await finish(again)).resumed)
})

test('files: invalid ones are rejected at once', t => {
  const [folder, good] = [directory(t), newKey().nginx]
  const file = (name: string, content: Buffer) => {
    writeFileSync(join(folder, name), content)
    return join(folder, name)
  }
  const open = (...files: string[]) => new TicketKeys({ source: { files } })
  t.throws(() => open(join(folder, 'none')), { code: 'ENOENT' })
  t.throws(() => open(file('long', randomBytes(80))), {
    code: CODE,
    message: /long must have 48 bytes.*has more/,
  })
  t.throws(() => open(file('short', randomBytes(47))), {
    code: CODE,
    message: /short must have 48 bytes.*has 47/,
  })
  t.throws(() => open(file('zero', Buffer.alloc(48))), { code: CODE, message: /not random/ })
  const sameName = Buffer.concat([good.subarray(0, 16), randomBytes(32)])
  t.throws(() => open(file('a', good), file('b', sameName)), {
    code: CODE,
    message: /of that name or secret/,
  })
  t.notThrows(() => open(file('a', good), file('b', good)), 'while keys move from file to file')
})

test('files: one that becomes invalid leaves the ring as it is until it is valid again', async t => {
  const file = join(directory(t), 'key')
  writeFileSync(file, newKey().nginx)
  const { keys, visit } = await serve(t, { files: [file] })
  t.false(await visit())
  const warned = new Promise<Error & { code?: string }>(resolve => {
    process.on('warning', function onWarning(warning: Error & { code?: string }) {
      if (warning.code !== 'TLS_RESUMPTION_NO_FRESH_KEYS' || !warning.message.includes(file)) return
      process.off('warning', onWarning)
      resolve(warning)
    })
  })
  writeFileSync(file, 'half a key')
  t.regex((await warned).message, /could not be refreshed: A ticket key was refused: .* must have 48 bytes/)
  t.true(await visit())
  const before = keys.stats().keys[0]?.generation
  writeFileSync(file, newKey().nginx)
  await until(() => keys.stats().keys[0]?.generation !== before)
  t.false(await visit(), 'the key of its ticket is gone')
})

test('function: there are no tickets before its first answer', async t => {
  let answer: (keys: Buffer[]) => void = () => {}
  const { keys, visit } = await serve(t, () => new Promise(resolve => (answer = resolve)))
  t.deepEqual([await visit(), await visit()], [false, false])
  t.is(keys.stats().issued, 0)
  answer([newKey().node])
  await until(() => keys.stats().keys[0]?.generation === 1)
  t.deepEqual([await visit(), await visit()], [false, true])
})

for (const [what, keys] of Object.entries({
  'no keys': [],
  'something else': 'keys',
  'a key that is too short': [randomBytes(47)],
  'a key of zeros': [Buffer.alloc(48)],
})) {
  test(`function: an answer of ${what} leaves the ring as it is`, async t => {
    const good = [newKey().node]
    const answers: unknown[] = [good, keys, keys, good]
    let asked = 0
    const source = () => (answers[asked++] ?? good) as Buffer[]
    const { visit } = await serve(t, source)
    await until(() => asked > 0)
    t.false(await visit())
    await until(() => asked > 3)
    t.true(await visit())
  })
}

test('function: one that throws or rejects leaves the ring as it is', async t => {
  const good = [newKey().node]
  let asked = 0
  const { visit } = await serve(t, () => {
    asked++
    if (asked === 2) throw new Error('thrown')
    return asked === 3 ? Promise.reject(new Error('rejected')) : good
  })
  t.false(await visit())
  await until(() => asked > 3)
  t.true(await visit())
})

test('function: one that does not answer is called again, and a late answer is ignored', async t => {
  const [first, late, last] = [newKey(), newKey(), newKey()].map(({ node }) => [node])
  const answers: ((keys: Buffer[]) => void)[] = []
  const { keys, visit } = await serve(t, () => new Promise(resolve => answers.push(resolve)))
  const answer = (which: number, given: Buffer[] | undefined) => answers[which]?.(given as Buffer[])
  await until(() => answers.length === 1)
  answer(0, first)
  await until(() => keys.stats().keys.length === 1)
  t.false(await visit())
  // The second never answers in time.
  await until(() => answers.length === 3)
  answer(2, last)
  await until(() => keys.stats().keys[0]?.generation === 2)
  answer(1, late)
  await until(() => answers.length > 3)
  t.is(keys.stats().keys[0]?.generation, 2)
})

test('source: anything but a source is rejected', t => {
  for (const source of ['file', [], { files: [] }, { files: [1] }, { file: 'a' }, null]) {
    t.throws(() => new TicketKeys({ source: source as never }), { code: 'ERR_INVALID_ARG_TYPE' })
  }
  const source = () => [newKey().node]
  t.throws(() => new TicketKeys({ source, rotateEvery: 1000 }), { code: 'ERR_OUT_OF_RANGE' })
  t.throws(() => new TicketKeys({ source, refreshEvery: 99 }), { code: 'ERR_OUT_OF_RANGE' })
})

test('source: the ring makes no keys of its own', t => {
  using keys = new TicketKeys({ source: () => [newKey().node] })
  t.throws(() => keys.rotate(), { code: CODE, message: /only from its source/ })
  t.throws(() => keys.insert(randomBytes(48)), { code: CODE, message: /only from its source/ })
})

test.serial('files: a replacement over two hosts under load loses no resumption', async t => {
  const folder = directory(t)
  const warnings: string[] = []
  const onWarning = (warning: Error & { code?: string }) => warnings.push(warning.code ?? '')
  process.on('warning', onWarning)
  t.teardown(() => process.off('warning', onWarning))
  const replace = (file: string, key: Uint8Array) => {
    writeFileSync(join(folder, `${file}.part`), key)
    renameSync(join(folder, `${file}.part`), join(folder, file))
  }
  let [active, next] = [randomBytes(48), randomBytes(48)]
  replace('active', active)
  replace('retired', randomBytes(48))
  replace('next', next)
  const files = ['active', 'retired', 'next'].map(file => join(folder, file))
  const hosts = [await startServer(t), await startServer(t)] as const
  const rings = hosts.map(({ server }, index) => {
    const keys = new TicketKeys({ source: { files }, refreshEvery: 100 + 50 * index })
    t.teardown(() => keys[Symbol.dispose]())
    keys.attach(server)
    return keys
  })
  let isOver = false
  const hop = async (version: tls.SecureVersion) => {
    let session: Buffer | undefined
    const lost: number[] = []
    let n = 0
    for (; !isOver; n++) {
      const { port, ca } = hosts[n % 2] as (typeof hosts)[0]
      const socket = tls.connect({
        ...{ port, ca, host: '127.0.0.1', servername: 'localhost', session },
        minVersion: version,
        maxVersion: version,
      })
      socket.on('session', made => {
        session = made
      })
      socket.on('secureConnect', () => {
        if (version === 'TLSv1.2') session = socket.getSession()
      })
      if (!(await finish(socket)).resumed && n > 0) lost.push(n)
    }
    return { n, lost }
  }
  const clients = [hop('TLSv1.2'), hop('TLSv1.3'), hop('TLSv1.2'), hop('TLSv1.3')]
  const refresh = () => delay(1000)
  for (let round = 0; round < 3; round++) {
    await refresh()
    replace('retired', active)
    replace('active', next)
    active = next
    next = randomBytes(48)
    await refresh()
    replace('next', next)
  }
  await refresh()
  isOver = true
  for (const { n, lost } of await Promise.all(clients)) {
    t.true(n > 20)
    t.deepEqual(lost, [])
  }
  t.true(rings.every(keys => keys.stats().acceptedWithRetiredKey > 0))
  t.false(warnings.includes('TLS_RESUMPTION_NO_FRESH_KEYS'))
})
