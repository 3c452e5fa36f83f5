/** The instruments of this package, for every kind of collector. */
import { isMainThread } from 'node:worker_threads'
import { openedCaches, type SessionCacheStats } from '../cache/session-cache.js'
import { clientStats } from '../diagnostics/client-events.js'
import { serverStats } from '../diagnostics/server-events.js'
import type { RedisTierStats } from '../fleet/redis/redis-tier.js'
import { openedTiers } from '../fleet/second-tier.js'
import { openedRings, type TicketKeysStats } from '../server/tickets/ticket-keys.js'
import type { Histogram } from './histograms.js'
import type { PeerLabels } from './peer-labels.js'

export interface Instrument {
  /** Parts separated by dots, without the name of the package: `client.connections`. */
  name: string
  help: string
  /** The value of a `counter` never decreases while its cache, ring or tier is open. */
  kind: 'counter' | 'gauge'
  /** The unit by its UCUM name: seconds, bytes, or what is counted. */
  unit: 's' | 'By' | `{${string}}`
  labels: readonly string[]
  /** True if each value belongs to a peer. */
  hasPeer?: boolean
  /** How the values of threads and processes combine. */
  combine: 'sum' | 'max' | 'min'
  read(scope: Scope): Sample[]
}

export interface Sample {
  value: number
  labels: Record<string, string>
}

export interface Scope {
  /** True to report what all threads of the process share, besides what belongs to this thread. */
  processWide: boolean
  /** The values of the label `peer`. undefined: there is no such label. */
  peers?: PeerLabels
}

const COMBINED: Record<Instrument['combine'], (one: number, other: number) => number> = {
  sum: (one, other) => one + other,
  max: Math.max,
  min: Math.min,
}

/** Only the main thread reports what the process shares, so each process reports it once. */
export const DEFAULT_SCOPE: Scope = { processWide: isMainThread }

export const INSTRUMENTS: readonly Instrument[] = [
  {
    name: 'client.connections',
    help: 'Client connections that resumed, or did not for a reason',
    kind: 'counter',
    unit: '{connection}',
    labels: ['outcome'],
    hasPeer: true,
    combine: 'sum',
    read: ({ peers }) =>
      peers?.split(clientStats()).map(({ count, ...labels }) => ({ value: count, labels })) ??
      byLabel('outcome', clientStats()),
  },
  {
    name: 'server.events',
    help: 'Events of servers: handshakes (resumed, full), session IDs and tickets from clients, rotations',
    kind: 'counter',
    unit: '{event}',
    labels: ['reason'],
    combine: 'sum',
    read: () => byLabel('reason', serverStats()),
  },
  ofCaches('cache.sessions', 'gauge', '{session}', 'Sessions in the cache', ({ size }) => size),
  ofCaches('cache.size', 'gauge', 'By', 'Size of the session blobs in the cache', ({ bytes }) => bytes),
  ofCaches(
    'cache.memory',
    'gauge',
    'By',
    'Largest memory in use by session blobs so far',
    ({ memory }) => memory.used,
  ),
  ofCaches(
    'cache.reads',
    'counter',
    '{read}',
    'Reads that found a session or did not',
    ({ hits, misses }) => ({ hit: hits, miss: misses }),
    'result',
  ),
  ofCaches('cache.stores', 'counter', '{session}', 'Sessions stored', ({ sets }) => sets),
  ofCaches(
    'cache.rejected',
    'counter',
    '{session}',
    'Sessions not stored because they were empty or too large',
    ({ rejected }) => rejected,
  ),
  ofCaches(
    'cache.removals',
    'counter',
    '{session}',
    'Sessions removed',
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
    help: 'Tickets issued, and tickets from clients whose key the ring had or not',
    kind: 'counter',
    unit: '{ticket}',
    labels: ['ring', 'outcome'],
    combine: 'sum',
    read: () =>
      rings().flatMap(({ ring, stats }) =>
        byLabel(
          'outcome',
          {
            issued: stats.issued,
            'opened-by-newest-key': stats.accepted - stats.acceptedWithRetiredKey,
            'opened-by-earlier-key': stats.acceptedWithRetiredKey,
            'unknown-key': stats.unknown,
            'ambiguous-client-trust': stats.ambiguousClientTrust,
          },
          { ring },
        ),
      ),
  },
  {
    name: 'ticket_keys',
    help: 'Keys of a ring',
    kind: 'gauge',
    unit: '{key}',
    labels: ['ring'],
    combine: 'max',
    read: scope =>
      processRings(scope).map(({ ring, stats }) => ({ value: stats.keys.length, labels: { ring } })),
  },
  {
    name: 'ticket_key.age',
    help: 'Age of the newest and of the oldest key of a ring',
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
    help: '1 if a ring equalled those of other hosts at its last synchronization, else 0',
    kind: 'gauge',
    unit: '{ring}',
    labels: ['ring'],
    combine: 'min',
    read: () => rings().map(({ ring, stats }) => ({ value: Number(stats.isShared), labels: { ring } })),
  },
  {
    name: 'tier.lookups',
    help: 'Look-ups in the second tier',
    kind: 'counter',
    unit: '{lookup}',
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
    help: 'Sessions sent to the second tier',
    kind: 'counter',
    unit: '{session}',
    labels: ['outcome'],
    combine: 'sum',
    read: () =>
      tiers().flatMap(({ stores, failedStores }) =>
        byLabel('outcome', { sent: stores - failedStores, failed: failedStores }),
      ),
  },
  {
    name: 'tier.paused',
    help: 'Second tiers whose circuit breaker is not closed',
    kind: 'gauge',
    unit: '{tier}',
    labels: [],
    combine: 'sum',
    read: () => [{ value: tiers().filter(({ breaker }) => breaker !== 'closed').length, labels: {} }],
  },
]

/** Returns the current values of an instrument: one for each set of labels. */
export function samplesOf({ combine, read }: Instrument, scope: Scope): Sample[] {
  const samples = new Map<string, Sample>()
  for (const sample of read(scope)) {
    const id = JSON.stringify(sample.labels)
    const other = samples.get(id)
    samples.set(id, other ? { ...sample, value: COMBINED[combine](other.value, sample.value) } : sample)
  }
  return [...samples.values()]
}

/** Returns the names of the labels in this scope. */
export function labelsOf({ labels, hasPeer }: Instrument | Histogram, { peers }: Scope): string[] {
  return hasPeer && peers !== undefined ? [...labels, 'peer'] : [...labels]
}

const UNITS: Record<string, string> = { s: 'in seconds', By: 'in bytes' }

/** Returns the help text with unit and labels: `Size of …, in bytes, by cache`. */
export function helpOf(metric: Instrument | Histogram, scope: Scope): string {
  const labels = labelsOf(metric, scope)
    .join(', ')
    .replace(/, (?!.*, )/, ' and ')
  return [metric.help, UNITS[metric.unit], labels && `by ${labels}`].filter(Boolean).join(', ')
}

type Counts = Record<string, number>

function byLabel(label: string, counts: Counts, labels: Record<string, string> = {}): Sample[] {
  return Object.entries(counts).map(([name, value]) => ({ value, labels: { ...labels, [label]: name } }))
}

/** Returns an instrument with one value for each cache, or with several that differ in `label`. */
function ofCaches(
  name: string,
  kind: Instrument['kind'],
  unit: Instrument['unit'],
  help: string,
  figures: (stats: SessionCacheStats) => number | Counts,
  label = '',
): Instrument {
  return {
    name,
    help,
    kind,
    unit,
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

/**
 * Returns the private caches of this thread and, if `processWide`, each cache that threads share by a name or a file once.
 */
function caches({ processWide }: Scope): { cache: string; stats: SessionCacheStats }[] {
  const shared = new Set<string>()
  return [...openedCaches].flatMap(opened => {
    const cache = opened.name ?? opened.path ?? ''
    if (cache !== '') {
      if (!processWide || shared.has(cache)) return []
      shared.add(cache)
    }
    return { cache, stats: opened.stats() }
  })
}

function rings(): { ring: string; stats: TicketKeysStats }[] {
  return [...openedRings].map(opened => ({ ring: opened.name ?? opened.path ?? '', stats: opened.stats() }))
}

/** Returns the rings whose keys this thread reports: those that threads share only if `processWide`. */
function processRings({ processWide }: Scope): { ring: string; stats: TicketKeysStats }[] {
  return rings().filter(({ ring }) => processWide || ring === '')
}

function tiers(): RedisTierStats[] {
  return [...openedTiers].map(tier => tier.stats() as RedisTierStats)
}
