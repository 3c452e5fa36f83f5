import type { Paired } from '../lib/paired.ts'
import type { Cell, ResultTable, Target } from '../lib/result.ts'
import { estimate } from '../lib/statistics.ts'
import { judged } from '../lib/target.ts'
import { BLOB, ENTRIES } from './million/held.ts'
import { type Holding, NOTHING, OURS, STORES } from './million/million.ts'
import { COPIED, LENT, LRU, PURE_JS } from './operations.ts'
import type { Operation } from './threads/stores.ts'
import { BROKER, BROKER_MANY, LMDB, ONE, TWO } from './threads/threads.ts'

const INTERVALS = 'medians, with 95 % intervals in parentheses'

export interface Operations {
  get: Paired
  set: Paired
  resume: Paired
  store: Paired
}

export function operationTable({ get, set, resume, store }: Operations): ResultTable {
  const rows = (operation: string, paired: Paired, ...others: string[]): Cell[][] =>
    [OURS, ...others].map(name => [
      operation,
      name,
      paired.of(name),
      name === OURS ? null : paired.ratio(OURS, name),
    ])
  return {
    id: 'operations',
    title: 'One operation, sessions of 1 KB',
    columns: [
      { title: 'operation' },
      { title: 'store' },
      { title: 'CPU', unit: 'ns', digits: 0 },
      { title: 'ours / this', digits: 2 },
    ],
    rows: [
      ...rows('get by text', get, LENT, LRU, COPIED),
      ...rows('set by text', set, LRU, COPIED),
      ...rows('resumeSession', resume, PURE_JS),
      ...rows('newSession', store, PURE_JS),
    ],
    samples: `${get.rounds} interleaved rounds of 50,000 calls; ${INTERVALS}`,
    remark:
      'CPU of the process, including garbage collection. `get` returns a Buffer of its own. lru-cache returns the Buffer ' +
      'that it keeps, which the caller could change, so there is also a row where it returns copies. Connections and ' +
      'servers do not call `get`: they borrow the session for the time of one call. `resumeSession` and `newSession` are ' +
      'events of two real servers, emitted with the same ids and the same TLS 1.2 session. The keys are the same 1000 ' +
      'strings and Buffers each time.',
  }
}

export function operationTargets({ get, resume, store }: Operations): Target[] {
  return [
    judged({
      figure: 'newSession, ours / tls-session-cache',
      atMost: 3,
      value: store.ratio(OURS, PURE_JS),
      reason:
        'a session is parsed for its lifetime and for the end of its client certificate, and copied; the other keeps a ' +
        'reference, for ever. Of the rest, most is the parser, which checks all of DER',
    }),
    judged({
      figure: 'resumeSession, from the id to the session in hand, ours / tls-session-cache',
      atMost: 1.3,
      value: resume.ratio(OURS, PURE_JS),
      reason:
        'a session is copied out of native memory, bound to the context of the server, handed over and wiped; the other ' +
        'hands out a reference. The native call alone takes 60 % of what the other does',
    }),
    judged({
      figure: 'get by text, ours / lru-cache with ttl',
      atMost: 3,
      value: get.ratio(OURS, LRU),
      reason:
        'a new Buffer with memory of its own is most of it, as the row of lru-cache with copies shows; what is lent ' +
        'instead takes the rest alone',
    }),
  ]
}

export function scalingTable(scales: Map<Operation, Paired>): ResultTable {
  return {
    id: 'scaling',
    title: 'One cache in two threads',
    columns: [
      { title: 'operation' },
      { title: 'one thread, Mop/s', digits: 2 },
      { title: 'two threads, Mop/s', digits: 2 },
      { title: 'two / one', digits: 2 },
    ],
    rows: [...scales].map(([operation, paired]) => [
      NAMES[operation],
      paired.of(ONE, rate => rate / 1e6),
      paired.of(TWO, rate => rate / 1e6),
      paired.ratio(TWO, ONE),
    ]),
    samples: `${first(scales).rounds} interleaved rounds; ${INTERVALS}`,
    remark:
      'Both threads use the same 1000 keys. Most of `get` is making Buffers, which V8 does in each thread separately.',
  }
}

export function scalingTargets(scales: Map<Operation, Paired>): Target[] {
  return [...scales].map(([operation, paired]) =>
    judged({
      figure: `${NAMES[operation]}, two threads on one cache / one`,
      atLeast: 1.8,
      value: paired.ratio(TWO, ONE),
      reason: 'two threads take both cores, and the system and V8 have helpers that take some of them',
    }),
  )
}

export function sharingTable(compared: Map<Operation, Paired>): ResultTable {
  return {
    id: 'sharing',
    title: 'Ways to share sessions, from a thread',
    columns: [
      { title: 'operation' },
      { title: 'by' },
      { title: 'time', unit: 'µs', digits: 2 },
      { title: 'this / ours', digits: 1 },
    ],
    rows: [...compared].flatMap(([operation, paired]) =>
      [OURS, LMDB, ...(ASKED.includes(operation) ? [BROKER, BROKER_MANY] : [])].map(name => [
        NAMES[operation],
        name,
        paired.of(name, rate => 1e6 / rate),
        name === OURS ? null : paired.ratio(OURS, name),
      ]),
    ),
    samples: `${first(compared).rounds} interleaved rounds; ${INTERVALS}`,
    remark:
      'Sessions of 1 KB under 1000 text keys. lmdb waits for no disk (`noSync`, `noMetaSync`). It reads by `getBinary` ' +
      '(a Buffer of its own) and `getBinaryFast` (borrowed), and writes by `putSync`, because other threads have to see ' +
      'the session. The Map is in the main thread, which is otherwise idle, and is asked by `postMessage`. An answer in ' +
      'another turn of the event loop is too late for `tls.connect`; 64 requests at once hide that best.',
    chart: { x: 'operation', y: 'time', series: 'by', logarithmic: true },
  }
}

export function sharingTargets(compared: Map<Operation, Paired>): Target[] {
  const buffers =
    'making the Buffer that `get` hands out takes most of the time, with whatever store; lent it is more'
  const mapped = 'lmdb reads memory, too, by a copy out of its map; what it takes time for is writing'
  const messages = 'two threads on cores of their own pass a message and its answer within some microseconds'
  const of = (operation: Operation, other: string, atLeast: number, reason?: string): Target => {
    const figure = `${NAMES[operation]} from a thread, ${other} / ours`
    const value = compared.get(operation)?.ratio(OURS, other)
    if (value === undefined) throw new RangeError(`${operation} was not measured`)
    return judged({ figure, atLeast, value, ...(reason === undefined ? {} : { reason }) })
  }
  return [
    of('get', LMDB, 3, buffers),
    of('borrow', LMDB, 3, mapped),
    of('exchange', LMDB, 3),
    of('get', BROKER, 100, buffers),
    of('borrow', BROKER, 100, messages),
    of('set', BROKER, 100, messages),
  ]
}

export function millionTable(processes: Holding[]): ResultTable {
  return {
    id: 'million',
    title: '1M sessions of 1 KB',
    columns: [
      { title: 'in' },
      { title: 'filled', unit: 's', digits: 2 },
      { title: 'resident a session', unit: 'B', digits: 0 },
      { title: 'resident / blobs', digits: 2 },
      { title: 'full GC', unit: 'ms', digits: 1 },
      { title: 'minor GC, median', unit: 'ms', digits: 1 },
      { title: 'minor GC, longest', unit: 'ms', digits: 1 },
      { title: 'minor GC, all', unit: 'ms', digits: 0 },
    ],
    rows: STORES.map(store => {
      const of = (figure: (held: Holding[typeof store]) => number) =>
        estimate(processes.map(each => figure(each[store])))
      const isEmpty = store === NOTHING
      return [
        isEmpty ? 'nothing: an empty process' : store,
        of(held => held.fill / 1000),
        isEmpty ? null : of(held => held.resident / ENTRIES),
        isEmpty ? null : of(held => held.resident / ENTRIES / BLOB),
        of(held => held.fullGc),
        of(held => held.minorGc.median),
        of(held => held.minorGc.longest),
        of(held => held.minorGc.all),
      ]
    }),
    samples: `${processes.length} processes each; ${INTERVALS}`,
    remark:
      'Keys are made while the store fills. This package copies a session; lru-cache (with ttl) gets a Buffer that it may ' +
      'keep, as Node issues sessions. Minor collections are those during 200,000 further sessions, each in a Buffer of its ' +
      'own, while as many are removed.',
  }
}

export function millionTargets(processes: Holding[]): Target[] {
  return [
    judged({
      figure: '1M sessions: a full GC, ours / an empty process',
      atMost: 1.2,
      value: estimate(processes.map(each => each[OURS].fullGc / each[NOTHING].fullGc)),
      reason:
        'a full GC of an empty process takes some milliseconds, which vary by more than that between processes',
    }),
    judged({
      figure: '1M sessions: resident memory / blobs',
      atMost: 1.3,
      value: estimate(processes.map(each => each[OURS].resident / ENTRIES / BLOB)),
    }),
    judged({
      figure: '1M sessions: filled in',
      atMost: 2,
      unit: 's',
      value: estimate(processes.map(each => each[OURS].fill / 1000)),
    }),
  ]
}

const NAMES: Record<Operation, string> = {
  get: 'get',
  borrow: 'get, lent',
  set: 'set',
  exchange: 'take + set',
}
const ASKED: Operation[] = ['get', 'borrow', 'set']

function first(of: Map<Operation, Paired>): Paired {
  const [paired] = of.values()
  if (paired === undefined) throw new RangeError('nothing was measured')
  return paired
}
