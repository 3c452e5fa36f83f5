/**
 * What a run measures, as options of the program. On two cores, a full run takes about ten minutes, a quick one
 * about one.
 */
export interface Plan {
  /** The mixes that have targets. */
  main: string[]
  /** The other mixes. */
  mixes: string[]
  /** A cache that the caches of the processor hold. */
  inCaches: string[]
  /** Other sizes. One call each, because they do not fit into memory together. */
  sizes: string[][]
  memory: string[]
  /** Blobs that do not fill their last block. */
  rounding: string[]
  sweep: string[]
  hitRatio: string[]
  residue: string[]
  /** Runs with a core that wipes and with one that does not, in turn. A quick run omits them. */
  wiping?: { runs: number; options: string[] }
}

/** The contestant that takes the least memory. */
const COMPACT = 'quick_cache, Arc<[u8]>'
const MAIN = ['--mix', 'take-set,hot-key']
const OTHERS = ['--mix', 'get,read90,read50,set-at-capacity,delete10']
const SIZES = ['--mix', 'get,take-set', '--threads', '2']
const IN_CACHES = ['--mix', 'take-set', '--entries', '1000', '--threads', '1', '--only', 'quick_cache']
const EMPTY_AND_FULL = ['10000000:0', '10000000:50000', '1000000:1000000'].flatMap(each => ['--case', each])

/** Bytes of free memory that a full run needs: 10 million entries in each of three caches. */
export const NEEDED = 14 * 2 ** 30

export function plan({ quick, rounds }: { quick: boolean; rounds: number }): Plan {
  return quick ? quickPlan(rounds) : fullPlan(rounds)
}

function fullPlan(rounds: number): Plan {
  const few = only('quick_cache', 'Mutex<lru>', 'lru, 64 shards')
  const half = ['--rounds', `${Math.ceil(rounds / 2)}`]
  const sizes = (entries: string, blob: string, contestants = few) => [
    ...SIZES,
    ...['--entries', entries, '--blob', blob],
    ...contestants,
    ...half,
  ]
  return {
    main: [...MAIN, '--threads', '1,2,4,8', '--rounds', `${rounds}`, '--time', '80'],
    mixes: [...OTHERS, '--threads', '1,2,4,8', ...half],
    inCaches: [...IN_CACHES, '--rounds', `${rounds}`, '--time', '80'],
    sizes: [
      sizes('100,10000', '200,1024,10240'),
      sizes('65536', '200,1024,10240'),
      sizes('1000000', '200,1024'),
      sizes('10000000', '200', only('quick_cache', 'Mutex<lru>')),
    ],
    memory: [...EMPTY_AND_FULL, ...only(COMPACT, 'moka, LRU', 'papaya', 'Mutex<lru>', 'rustls')],
    rounding: ['--blob', '200,1000,1025', '--rounds', '1', ...only(COMPACT, 'Mutex<lru>')],
    sweep: [],
    hitRatio: ['--accesses', '300000', '--rounds', '5'],
    residue: [],
    wiping: {
      runs: rounds,
      options: ['--mix', 'take-set', '--rounds', '1', '--time', '400', ...only('tls-resumption')],
    },
  }
}

function quickPlan(rounds: number): Plan {
  const few = only('quick_cache', 'Mutex<lru>')
  const times = ['--rounds', `${rounds}`, '--time', '40']
  return {
    main: [...MAIN, '--threads', '1,2,8', ...few, ...times],
    mixes: ['--mix', 'get,set-at-capacity', '--threads', '1,2,8', ...few, ...times],
    inCaches: [...IN_CACHES, ...times],
    sizes: [[...SIZES, '--entries', '100,10000', ...few, ...times]],
    memory: [...EMPTY_AND_FULL, '--rounds', '1', ...only(COMPACT, 'Mutex<lru>')],
    rounding: ['--blob', '1000', '--rounds', '1', ...only('tls-resumption')],
    sweep: ['--rounds', '1'],
    hitRatio: ['--accesses', '100000', '--rounds', '2'],
    residue: ['--later', '200', ...only('quick_cache', 'papaya', 'Mutex<lru>')],
  }
}

function only(...contestants: string[]): string[] {
  return contestants.flatMap(name => ['--only', name])
}
