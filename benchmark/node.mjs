/**
 * `npm run bench:node`: what one operation costs from JavaScript, beside the caches one would use instead.
 * Rounds are interleaved; figures are medians. Memory is measured in a process of its own each.
 */
import { spawnSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import Table from 'cli-table3'
import { LRUCache } from 'lru-cache'
import { SessionCache } from 'tls-resumption'
import { lending } from '../dist/session-cache.js'

const ROUNDS = 21
const OPERATIONS = 100_000
const ENTRIES = 1_000_000
const BLOB = Buffer.alloc(1024, 7)
const self = fileURLToPath(import.meta.url)

const MEMORY = {
  'an empty process': () => () => {},
  'tls-resumption': () => {
    const cache = new SessionCache({ max: ENTRIES, maxSize: 2 ** 31, sweepInterval: 0 })
    return key => cache.set(key, BLOB)
  },
  'lru-cache with ttl': () => {
    const cache = new LRUCache({ max: ENTRIES, ttl: 3_600_000 })
    return key => cache.set(key, Buffer.from(BLOB))
  },
}

const { values } = parseArgs({ options: { memory: { type: 'string' } } })
if (values.memory === undefined) {
  operations()
  memory()
} else {
  console.log(JSON.stringify(fill(values.memory)))
}

function median(numbers) {
  return numbers.sort((a, b) => a - b)[numbers.length >> 1]
}

function operations() {
  const keys = Array.from(
    { length: 1000 },
    (_, index) => `tcp:host-${index}.example:5432 ${randomBytes(12).toString('hex')}`,
  )
  const ids = keys.map(() => randomBytes(32))
  const ours = new SessionCache({ sweepInterval: 0 })
  const lru = new LRUCache({ max: 10_000, ttl: 3_600_000 })
  const map = new Map()
  for (const key of keys) {
    ours.set(key, BLOB)
    lru.set(key, Buffer.from(BLOB))
  }
  for (const id of ids) {
    ours.set(id, BLOB)
    map.set(id.toString('hex'), Buffer.from(BLOB))
  }
  const contests = {
    'get by text': {
      'tls-resumption': index => ours.get(keys[index]),
      'lru-cache with ttl': index => lru.get(keys[index]),
    },
    'resumeSession, by id': {
      'tls-resumption': index => lending.lend(ours, 'get', ids[index], blob => blob.length),
      'Map of hex text': index => map.get(ids[index].toString('hex')),
    },
    set: {
      'tls-resumption': index => ours.set(keys[index], BLOB),
      'lru-cache with ttl': index => lru.set(keys[index], Buffer.from(BLOB)),
    },
  }
  const table = new Table({
    head: ['operation', 'cache', 'ns, median', 'times ours'],
    style: { head: [], border: [] },
  })
  for (const [operation, contestants] of Object.entries(contests)) {
    const times = Object.fromEntries(Object.keys(contestants).map(name => [name, []]))
    for (let round = 0; round < ROUNDS; round++) {
      for (const [name, run] of Object.entries(contestants)) times[name].push(time(run, keys.length))
    }
    const base = median(times['tls-resumption'])
    for (const [name, rounds] of Object.entries(times)) {
      const ns = median(rounds)
      table.push([operation, name, ns.toFixed(0), (ns / base).toFixed(2)])
    }
  }
  console.log(
    `${ROUNDS} rounds of ${OPERATIONS} operations, 1 KB blobs, Node ${process.versions.node}\n${table}`,
  )
}

function time(run, keys) {
  const start = process.hrtime.bigint()
  for (let count = 0; count < OPERATIONS; count++) run(count % keys)
  return Number(process.hrtime.bigint() - start) / OPERATIONS
}

function memory() {
  const table = new Table({
    head: ['1M sessions of 1 KB', 'filled in s', 'resident / blobs', 'full GC, ms'],
    style: { head: [], border: [] },
  })
  for (const name of Object.keys(MEMORY)) {
    const { stdout, stderr, status } = spawnSync(
      process.execPath,
      ['--expose-gc', '--max-old-space-size=8192', self, '--memory', name],
      { encoding: 'utf8' },
    )
    if (status !== 0) throw new Error(stderr)
    const { seconds, resident, collection } = JSON.parse(stdout)
    table.push([
      name,
      seconds.toFixed(2),
      (resident / (ENTRIES * BLOB.length)).toFixed(2),
      collection.toFixed(1),
    ])
  }
  console.log(`${table}`)
}

function fill(name) {
  const store = MEMORY[name]()
  const before = process.memoryUsage.rss()
  const start = performance.now()
  for (let index = 0; index < ENTRIES; index++) store(`key ${index}`)
  const seconds = (performance.now() - start) / 1000
  const resident = process.memoryUsage.rss() - before
  const collections = Array.from({ length: 7 }, () => {
    const begun = performance.now()
    globalThis.gc()
    return performance.now() - begun
  })
  store('kept alive')
  return { seconds, resident, collection: median(collections) }
}
