import test from 'ava'
import fc from 'fast-check'
import { SessionCache } from 'tls-resumption'

interface Options {
  max: number
  maxSize: number
  ticketsPerPeer: number
  singleUse: boolean
}

type Operation =
  | { do: 'set' | 'add'; key: string; length: number; reusable: boolean }
  | { do: 'get' | 'offer' | 'take' | 'has' | 'delete'; key: string }
  | { do: 'clear' | 'sweep' }

interface Session {
  key: string
  blob: Buffer
  reusable: boolean
  used: boolean
  /** The number of the insertion. */
  born: number
}

/** A reference model of the cache in which time stands still. */
class Model {
  /** The least recently used first. */
  sessions: Session[] = []
  counts = {
    hits: 0,
    misses: 0,
    sets: 0,
    takes: 0,
    deletes: 0,
    replaced: 0,
    cleared: 0,
    evictions: 0,
    expirations: 0,
    rejected: 0,
  }
  readonly #options: Options

  constructor(options: Options) {
    this.#options = options
  }

  get bytes(): number {
    return this.sessions.reduce((sum, { blob }) => sum + blob.length, 0)
  }

  /** Returns the sessions of a key, newest first. */
  of(key: string): Session[] {
    return this.sessions.filter(session => session.key === key).sort((a, b) => b.born - a.born)
  }

  store(key: string, blob: Buffer, reusable: boolean, keep: number): 'stored' | 'rejected' {
    const { max, maxSize } = this.#options
    if (blob.length > maxSize) {
      this.counts.rejected++
      return 'rejected'
    }
    for (const session of this.of(key).slice(keep)) this.#remove(session, 'replaced')
    while (this.sessions.length >= max || this.bytes + blob.length > maxSize) {
      this.#remove(this.sessions[0] as Session, 'evictions')
    }
    this.sessions.push({ key, blob, reusable, used: false, born: this.counts.sets++ })
    return 'stored'
  }

  read(how: 'get' | 'offer' | 'take', key: string): string | undefined {
    const [newest, ...older] = this.of(key)
    if (newest === undefined) {
      this.counts.misses++
      return undefined
    }
    this.counts.hits++
    const unused = [newest, ...older].find(session => !session.used)
    const chosen = how === 'offer' ? (unused ?? newest) : newest
    this.sessions.push(...this.sessions.splice(this.sessions.indexOf(chosen), 1))
    if (how === 'offer') chosen.used = true
    const isRemoved = how === 'take' || (how === 'offer' && this.#options.singleUse && !chosen.reusable)
    if (isRemoved) this.#remove(chosen, 'takes')
    return chosen.blob.toString('hex')
  }

  delete(key: string): number {
    const removed = this.of(key)
    for (const session of removed) this.#remove(session, 'deletes')
    return removed.length
  }

  clear(): void {
    this.counts.cleared += this.sessions.length
    this.sessions = []
  }

  run(operation: Operation, blob: Buffer): unknown {
    switch (operation.do) {
      case 'set':
        return this.store(operation.key, blob, operation.reusable, 0)
      case 'add':
        return this.store(operation.key, blob, operation.reusable, this.#options.ticketsPerPeer - 1)
      case 'has':
        return this.of(operation.key).length > 0
      case 'delete':
        return this.delete(operation.key)
      case 'clear':
        return this.clear()
      case 'sweep':
        return 0
      default:
        return this.read(operation.do, operation.key)
    }
  }

  #remove(session: Session, why: keyof Model['counts']): void {
    this.sessions.splice(this.sessions.indexOf(session), 1)
    this.counts[why]++
  }
}

function run(cache: SessionCache, operation: Operation, blob: Buffer): unknown {
  switch (operation.do) {
    case 'set':
    case 'add':
      try {
        cache[operation.do](operation.key, blob, { reusable: operation.reusable })
        return 'stored'
      } catch (error) {
        if ((error as { code?: unknown }).code === 'ERR_OUT_OF_RANGE') return 'rejected'
        throw error
      }
    case 'has':
    case 'delete':
      return cache[operation.do](operation.key)
    case 'clear':
    case 'sweep':
      return cache[operation.do]()
    default:
      return cache[operation.do](operation.key)?.toString('hex')
  }
}

// Few keys and little room, so that the rules interact.
const key = fc.constantFrom('a', 'b', 'c', 'd', '鍵')
const options = fc.record({
  max: fc.integer({ min: 1, max: 8 }),
  maxSize: fc.oneof(fc.integer({ min: 8, max: 120 }), fc.constant(1_000_000)),
  ticketsPerPeer: fc.integer({ min: 1, max: 4 }),
  singleUse: fc.boolean(),
})
const store = fc.record({
  do: fc.constantFrom('set' as const, 'add' as const),
  key,
  length: fc.oneof(
    { weight: 9, arbitrary: fc.integer({ min: 8, max: 40 }) },
    { weight: 1, arbitrary: fc.integer({ min: 8, max: 20_000 }) },
  ),
  reusable: fc.boolean(),
})
const read = fc.record({
  do: fc.constantFrom('get' as const, 'offer' as const, 'take' as const, 'has' as const, 'delete' as const),
  key,
})
const whole = fc.record({ do: fc.constantFrom('clear' as const, 'sweep' as const) })
const operations = fc.array(
  fc.oneof(
    { weight: 10, arbitrary: store },
    { weight: 12, arbitrary: read },
    { weight: 1, arbitrary: whole },
  ),
  { maxLength: 200, size: 'max' },
)

/** Returns a blob that repeats the number of its operation, so that no two blobs are equal. */
function blobOf(operation: Operation, number: number): Buffer {
  if (!('length' in operation)) return Buffer.alloc(0)
  return Buffer.alloc(operation.length, `${number.toString(36).padStart(7, '0')}:`)
}

test('cache: random sequences of operations match the reference model', t => {
  const property = fc.property(options, operations, (chosen, sequence) => {
    using cache = new SessionCache({ ...chosen, sweepInterval: 0 })
    const model = new Model(chosen)
    for (const [number, operation] of sequence.entries()) {
      const blob = blobOf(operation, number)
      const [actual, expected] = [run(cache, operation, blob), model.run(operation, blob)]
      const step = `step ${number}, ${JSON.stringify(operation)}`
      if (actual !== expected) throw new Error(`${step}: got ${actual}, should be ${expected}`)
      const { sweeps: _, ...stats } = cache.stats()
      const counted = { ...model.counts, size: model.sessions.length, bytes: model.bytes }
      for (const [counter, count] of Object.entries(counted)) {
        const is = stats[counter as keyof typeof stats]
        if (is !== count) throw new Error(`${step}: ${counter} is ${is}, should be ${count}`)
      }
    }
  })
  t.notThrows(() => fc.assert(property, { numRuns: 500 }))
})
