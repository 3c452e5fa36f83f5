/** What there is to measure in production: one list, whoever collects it. */
import { isMainThread } from 'node:worker_threads'
import { openedCaches, type SessionCacheStats } from '../cache/session-cache.js'
import { clientStats } from '../diagnostics/client-events.js'
import { serverStats } from '../diagnostics/server-events.js'
import type { RedisTierStats } from '../fleet/redis/redis-tier.js'
import { openedTiers } from '../fleet/second-tier.js'
import { openedRings, type TicketKeysStats } from '../server/tickets/ticket-keys.js'

export interface Measure {
  /** Parts with points between them, without the package's name: `client.connections`. */
  name: string
  help: string
  /** A `counter` grows for as long as there is what it counts for. */
  kind: 'counter' | 'gauge'
  /** Seconds or bytes, by their UCUM names; left out where things are counted. */
  unit?: 's' | 'By'
  labels: readonly string[]
  /** How the figures of threads and processes become one. */
  combine: 'sum' | 'max' | 'min'
  read(scope: Scope): Sample[]
}

export interface Sample {
  value: number
  labels: Record<string, string>
}

export interface Scope {
  /** Whether to report what belongs to the process, beside what is this thread's. */
  processWide: boolean
}

const COMBINED: Record<Measure['combine'], (one: number, other: number) => number> = {
  sum: (one, other) => one + other,
  max: Math.max,
  min: Math.min,
}

/** The main thread does, so each process does once. */
export const DEFAULT_SCOPE: Scope = { processWide: isMainThread }

export const MEASURES: readonly Measure[] = [
  {
    name: 'client.connections',
    help: 'Client connections by how they began: resumed, or the reason why not',
    kind: 'counter',
    labels: ['outcome'],
    combine: 'sum',
    read: () => byLabel('outcome', clientStats()),
  },
  {
    name: 'server.events',
    help: 'What happened at servers: handshakes (resumed, full), ids and tickets that clients brought, rotations',
    kind: 'counter',
    labels: ['reason'],
    combine: 'sum',
    read: () => byLabel('reason', serverStats()),
  },
  ofCaches('cache.sessions', 'gauge', 'Sessions held', ({ size }) => size),
  {
    ...ofCaches('cache.size', 'gauge', 'Session blobs held', ({ bytes }) => bytes),
    unit: 'By',
  },
  {
    ...ofCaches('cache.memory', 'gauge', 'Memory that blobs took at their most', ({ memory }) => memory.used),
    unit: 'By',
  },
  ofCaches(
    'cache.reads',
    'counter',
    'Reads by whether they found a session',
    ({ hits, misses }) => ({ hit: hits, miss: misses }),
    'result',
  ),
  ofCaches('cache.stores', 'counter', 'Sessions stored', ({ sets }) => sets),
  ofCaches(
    'cache.rejected',
    'counter',
    'Sessions not stored, empty or too large',
    ({ rejected }) => rejected,
  ),
  ofCaches(
    'cache.removals',
    'counter',
    'Sessions removed, by why',
    stats => ({
      taken: stats.takes,
      deleted: stats.deletes,
      replaced: stats.replaced,
      cleared: stats.cleared,
      evicted: stats.evictions,
      expired: stats.expirations,
    }),
    'cause',
  ),
  {
    name: 'tickets',
    help: 'Tickets issued, and tickets that clients brought, by whether the ring had their key',
    kind: 'counter',
    labels: ['ring', 'outcome'],
    combine: 'sum',
    read: () =>
      rings().flatMap(({ ring, stats }) =>
        byLabel(
          'outcome',
          {
            issued: stats.issued,
            'opened-by-newest-key': stats.accepted - stats.acceptedOfEarlierKeys,
            'opened-by-earlier-key': stats.acceptedOfEarlierKeys,
            'unknown-key': stats.unknown,
            'refused-by-guard': stats.refusedByGuard,
          },
          { ring },
        ),
      ),
  },
  {
    name: 'ticket_keys',
    help: 'Keys that a ring has',
    kind: 'gauge',
    labels: ['ring'],
    combine: 'max',
    read: scope =>
      processRings(scope).map(({ ring, stats }) => ({ value: stats.keys.length, labels: { ring } })),
  },
  {
    name: 'ticket_key.age',
    help: 'Time since the newest key of a ring, which seals, and the oldest one came',
    kind: 'gauge',
    unit: 's',
    labels: ['ring', 'key'],
    combine: 'max',
    read: scope =>
      processRings(scope).flatMap(({ ring, stats }) => {
        const ages = stats.keys.map(({ age }) => age / 1000)
        const [newest, oldest] = [ages[0], ages.at(-1)]
        return newest === undefined || oldest === undefined
          ? []
          : byLabel('key', { newest, oldest }, { ring })
      }),
  },
  {
    name: 'ticket_keys.shared',
    help: 'Whether a ring was one with those of other hosts when it last looked, 1 or 0; 0 without a tier',
    kind: 'gauge',
    labels: ['ring'],
    combine: 'min',
    read: () => rings().map(({ ring, stats }) => ({ value: Number(stats.isShared), labels: { ring } })),
  },
  {
    name: 'tier.lookups',
    help: 'Look-ups in the second tier, by how they ended',
    kind: 'counter',
    labels: ['outcome'],
    combine: 'sum',
    read: () =>
      tiers().flatMap(stats =>
        byLabel('outcome', {
          hit: stats.hits,
          miss: stats.misses,
          unreadable: stats.unreadable,
          timeout: stats.timeouts,
          error: stats.errors,
          unavailable: stats.unavailable,
        }),
      ),
  },
  {
    name: 'tier.stores',
    help: 'Sessions given to the second tier: those that did not get there for certain, and the others',
    kind: 'counter',
    labels: ['outcome'],
    combine: 'sum',
    read: () =>
      tiers().flatMap(({ stores, failedStores }) =>
        byLabel('outcome', { sent: stores - failedStores, failed: failedStores }),
      ),
  },
  {
    name: 'tier.paused',
    help: 'Second tiers that are left alone, having failed several times in a row',
    kind: 'gauge',
    labels: [],
    combine: 'sum',
    read: () => [{ value: tiers().filter(({ breaker }) => breaker !== 'closed').length, labels: {} }],
  },
]

/** What is to be told of a measure now: one figure for each set of labels. */
export function samplesOf({ combine, read }: Measure, scope: Scope): Sample[] {
  const samples = new Map<string, Sample>()
  for (const sample of read(scope)) {
    const id = JSON.stringify(sample.labels)
    const other = samples.get(id)
    samples.set(id, other ? { ...sample, value: COMBINED[combine](other.value, sample.value) } : sample)
  }
  return [...samples.values()]
}

type Counts = Record<string, number>

function byLabel(label: string, counts: Counts, labels: Record<string, string> = {}): Sample[] {
  return Object.entries(counts).map(([name, value]) => ({ value, labels: { ...labels, [label]: name } }))
}

/** A figure of each cache, or several that a label tells apart. */
function ofCaches(
  name: string,
  kind: Measure['kind'],
  help: string,
  figures: (stats: SessionCacheStats) => number | Counts,
  label = '',
): Measure {
  return {
    name,
    help,
    kind,
    labels: ['cache', ...(label ? [label] : [])],
    combine: 'sum',
    read: scope =>
      caches(scope).flatMap(({ cache, stats }) => {
        const found = figures(stats)
        return typeof found === 'number'
          ? { value: found, labels: { cache } }
          : byLabel(label, found, { cache })
      }),
  }
}

/** The caches of this thread alone and, of those that the process shares, each once. */
function caches({ processWide }: Scope): { cache: string; stats: SessionCacheStats }[] {
  const names = new Set<string>()
  return [...openedCaches].flatMap(opened => {
    const { name } = opened
    if (name !== undefined) {
      if (!processWide || names.has(name)) return []
      names.add(name)
    }
    return { cache: name ?? '', stats: opened.stats() }
  })
}

function rings(): { ring: string; stats: TicketKeysStats }[] {
  return [...openedRings].map(opened => ({ ring: opened.name ?? '', stats: opened.stats() }))
}

/** Where the keys are the matter, which threads share. */
function processRings({ processWide }: Scope): { ring: string; stats: TicketKeysStats }[] {
  return rings().filter(({ ring }) => processWide || ring === '')
}

function tiers(): RedisTierStats[] {
  return [...openedTiers].map(tier => tier.stats() as RedisTierStats)
}
