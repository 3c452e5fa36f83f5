/** One process of the benchmark: does an operation for some time, whenever its parent names one, and reports how many. */
import { createRequire } from 'node:module'
import { join } from 'node:path'

export type Place = 'memory' | 'file' | 'lmdb' | 'redis' | 'redis one by one'
export type Operation = 'get' | 'take and set'

export interface Order {
  place: Place
  folder: string
  millis: number
}

export interface Measured {
  /** Microseconds of CPU for each operation. */
  cpu: number
  perSecond: number
}

interface Store {
  get(key: string): unknown
  set(key: string, session: Buffer): unknown
  take(key: string): unknown
  end(): unknown
}

const KEYS = 10_000
const SESSION = Buffer.alloc(1024, 7)
/** Operations between two looks at the clock. */
const BATCH = 64

const { place, folder, millis }: Order = JSON.parse(process.argv[2] as string)

/** Loads only what the place needs. */
async function open(): Promise<Store> {
  if (place === 'redis' || place === 'redis one by one') {
    const { Redis } = await import('ioredis')
    const client = new Redis(join(folder, 'redis'))
    return {
      get: key => client.getBuffer(key),
      set: (key, session) => client.set(key, session),
      take: key => client.getdelBuffer(key),
      end: () => client.disconnect(),
    }
  }
  if (place === 'lmdb') {
    const lmdb = createRequire(import.meta.url)('lmdb')
    const store = lmdb.open({ path: join(folder, 'lmdb'), encoding: 'binary', noSync: true })
    return {
      get: key => store.get(key),
      set: (key, session) => store.putSync(key, session),
      take: key => store.transactionSync(() => [store.get(key), store.removeSync(key)]),
      end: () => store.close(),
    }
  }
  const { SessionCache } = await import('tls-resumption')
  const max = 2 * KEYS
  const cache = new SessionCache(place === 'file' ? { path: join(folder, 'file'), max } : { max })
  return {
    get: key => cache.get(key),
    set: (key, session) => cache.set(key, session),
    take: key => cache.take(key),
    end: () => cache[Symbol.dispose](),
  }
}

const store = await open()
const keys = Array.from({ length: KEYS }, (_, index) => `peer ${index}`)
// Processes before this one may have filled the place.
if (!(await store.get(keys[KEYS - 1] as string))) await Promise.all(keys.map(key => store.set(key, SESSION)))

async function run(operation: Operation, time: number): Promise<Measured> {
  const began = performance.now()
  const cpu = process.cpuUsage()
  let count = 0
  while (performance.now() - began < time) {
    const answers: unknown[] = []
    for (let n = 0; n < BATCH; n++, count++) {
      const key = keys[Math.floor(Math.random() * KEYS)] as string
      if (operation === 'get') answers.push(store.get(key))
      else answers.push(store.take(key), store.set(key, SESSION))
      if (place === 'redis one by one') await Promise.all(answers.splice(0))
    }
    if (place === 'redis') await Promise.all(answers)
  }
  const { user, system } = process.cpuUsage(cpu)
  return { cpu: (user + system) / count, perSecond: (count / (performance.now() - began)) * 1000 }
}

for (const operation of ['get', 'take and set'] as const) await run(operation, 100)
process.on('message', async (operation: Operation) => {
  process.send?.(await run(operation, millis))
})
process.on('disconnect', () => {
  store.end()
  process.exit()
})
process.send?.('ready')
