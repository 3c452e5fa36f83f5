/** Makes tables of the figures, and compares them with targets. */
import { textOf } from '../lib/format.ts'
import type { ResultTable, Target } from '../lib/result.ts'
import { judged } from '../lib/target.ts'
import { BURST, BURST_KIND, type BurstFigures } from './burst.ts'
import type { FetchFigures } from './fetch.ts'
import type { OwnCostFigures } from './own-cost.ts'
import type { KindFigures } from './reconnects.ts'
import { CONNECTIONS, ENDPOINTS, THREADS, THREADS_KIND, type ThreadFigures } from './threads.ts'

export interface Figures {
  rounds: number
  connections: number
  compared: KindFigures[]
  bursts: BurstFigures[]
  threads: ThreadFigures[]
  fetches: FetchFigures[]
  ownCosts: OwnCostFigures[]
}

const RATIO = { digits: 2 }

export function tablesOf(figures: Figures): ResultTable[] {
  return [reconnects(figures), bursts(figures), threads(figures), fetches(figures), ownCosts(figures)]
}

function reconnects({ compared, rounds, connections }: Figures): ResultTable {
  return {
    id: 'reconnects',
    title: 'Reconnects as drivers make them: the options given each time',
    columns: [
      { title: 'handshake' },
      { title: 'by' },
      { title: 'CPU of both ends, of Node alone', ...RATIO },
      { title: 'of Node with its best own cache', ...RATIO },
      { title: 'client', unit: 'µs', digits: 0 },
      { title: 'server', unit: 'µs', digits: 0 },
      { title: 'latency', unit: 'ms', digits: 2 },
      { title: '16 at once', unit: 'per s', digits: 0 },
      { title: 'full handshakes', digits: 0 },
    ],
    rows: compared.flatMap(({ kind, modes }) =>
      modes.map(({ mode, ratio, ofBest, clientCpu, serverCpu, latency, perSecond, fullHandshakes }) => [
        kind,
        mode,
        ratio,
        ofBest,
        clientCpu,
        serverCpu,
        latency,
        perSecond,
        fullHandshakes,
      ]),
    ),
    samples: `${rounds} interleaved rounds of ${connections} connections each; handshakes are counted by the server`,
    remark:
      'CPU time is the sum of two processes, by `getrusage`, for a connection and its echo. *Node with its best own cache* ' +
      'is written by hand for one fixed set of options in one thread: a `Map` of sessions and one `SecureContext`. It ' +
      'ignores lifetimes and the inputs that decided the trust in a peer, and verifies nothing again.',
    chart: { x: 'handshake', y: 'CPU of both ends, of Node alone', series: 'by' },
  }
}

function bursts({ bursts, rounds }: Figures): ResultTable {
  return {
    id: 'burst',
    title: `${BURST} connections at once to a new peer: ${BURST_KIND}`,
    columns: [
      { title: 'by' },
      { title: 'until the last has its echo', unit: 'ms', digits: 1 },
      { title: 'of connections that do not wait for each other', ...RATIO },
      { title: 'full handshakes', digits: 0 },
    ],
    rows: bursts.map(({ mode, wall, ratio, full }) => [mode, wall, ratio, full]),
    samples: `${rounds} interleaved rounds, each with a cache of its own`,
  }
}

function threads({ threads }: Figures): ResultTable {
  return {
    id: 'threads',
    title: `${THREADS} threads, ${ENDPOINTS} endpoints, ${CONNECTIONS} connections of each to each: ${THREADS_KIND}`,
    columns: [
      { title: 'by' },
      { title: 'full handshakes', digits: 0 },
      { title: 'in the worst run', digits: 0 },
      { title: 'resumed in the worst run', digits: 0 },
    ],
    rows: threads.map(({ mode, full, most, resumed }) => [mode, full, most, resumed]),
    samples: `the median of ${threads[0]?.times ?? 0} runs, counted by the servers`,
    chart: { x: 'by', y: 'full handshakes' },
  }
}

function fetches({ fetches }: Figures): ResultTable {
  return {
    id: 'fetch',
    title: 'The `fetch` of Node, to a server that closes each connection: full handshakes after the first',
    columns: [
      { title: 'Node.js' },
      { title: 'Node alone' },
      { title: 'Node alone, garbage collection forced after each request' },
      { title: '`--import tls-resumption/auto`, forced' },
    ],
    rows: fetches.map(({ node, requests, alone, forced, auto }) => [
      node,
      ...[alone, forced, auto].map(full => `${full} of ${requests - 1}`),
    ]),
    samples: 'once; requests half a second apart, one process for each figure; counted by the server',
    remark:
      'Node 24 and 26 drop the pool of an origin, and its sessions, with the last open connection. Node 20 and 22 hold ' +
      'sessions by weak references, until garbage is collected. A process of Node alone has loaded no other module, ' +
      'which the benchmark checks.',
  }
}

function ownCosts({ ownCosts }: Figures): ResultTable {
  return {
    id: 'own-cost',
    title: 'Cost of the code of this package in a connection',
    columns: [
      { title: 'handshake' },
      { title: 'the peer' },
      { title: 'CPU beyond Node by hand', unit: 'µs', digits: 0 },
      { title: 'of a full handshake on both ends', unit: '%', digits: 2 },
      { title: 'of the client’s CPU in this connection', unit: '%', digits: 1 },
    ],
    rows: ownCosts.map(({ kind, peer, own, fullCpu, clientCpu }) => [
      kind,
      peer,
      own,
      scaled(own, 100 / fullCpu),
      (100 * own.median) / clientCpu,
    ]),
    samples: `${ownCosts[0]?.triples ?? 0} connections of each, one by one in turn, after as many before: the differences`,
    remark:
      '*By hand* is one `SecureContext` for all connections, and with a peer that resumes a `Map` of sessions. With the ' +
      'other peers the caller passes that context in both cases: a context that this package shares between connections ' +
      'would hide the rest of its cost. After several rejections in a row, offers to the peer are paused.',
  }
}

/** The most that a resumed connection may cost, as a ratio to Node with its best own cache. */
const MOST_OF_BEST = { 'TLS 1.3': 1.05, 'TLS 1.2': 1.1 }

/** Percent of a full handshake on both ends that a connection may cost which cannot resume. */
const MOST_OWN_COST = 3.5

export function targetsOf({ compared, bursts, threads, fetches, ownCosts }: Figures): Target[] {
  return [
    ...Object.entries(MOST_OF_BEST).map(([version, most]) => {
      const ratios = compared
        .filter(({ kind }) => kind.includes(version))
        .flatMap(({ modes }) => modes)
        .filter(({ mode }) => mode.startsWith('tls-resumption'))
        .map(({ ofBest }) => ofBest)
      const worst = ratios.reduce((most, each) => (each.median > most.median ? each : most))
      return judged(
        target(
          `${version}: CPU of both ends, resumed, of Node with its best own cache, the worst of ${ratios.length}`,
          most,
          worst,
          'The cache by hand derives no session key from what decides trust, verifies nothing again, and counts nothing.',
        ),
      )
    }),
    ...threads
      .filter(({ mode }) => mode.startsWith('tls-resumption'))
      .flatMap(({ mode, times, full, most }) => [
        target(`${mode}: full handshakes of ${ENDPOINTS} endpoints, median`, ENDPOINTS, full),
        target(
          `${mode}: full handshakes of ${ENDPOINTS} endpoints, the worst of ${times} runs`,
          1.5 * ENDPOINTS,
          most,
          'a connection that has waited for its bound makes a full handshake, and so do those that find no place in a lease',
        ),
      ]),
    target(
      `a burst of ${BURST}, ${BURST_KIND}: wall time, of connections that do not wait`,
      0.6,
      bursts.at(-1)?.ratio ?? Number.NaN,
    ),
    target(
      `fetch on Node.js ${fetches.map(({ node }) => node.split('.')[0]).join(', ')}: full handshakes after the first`,
      0,
      Math.max(...fetches.map(({ auto }) => auto)),
    ),
    ...ownCosts
      .filter(({ resumes }) => !resumes)
      .map(({ kind, peer, own, fullCpu }) => ({
        ...target(
          `${kind}, the peer ${peer}: cost of this package, of a full handshake`,
          MOST_OWN_COST,
          scaled(own, 100 / fullCpu),
          `${textOf(own, { digits: 0 })} µs of JavaScript between handshakes, which empty the caches of the processor`,
        ),
        unit: '%',
      })),
  ]
}

function target(figure: string, atMost: number, value: Target['value'], reason?: string): Target {
  return { figure, atMost, value, ...(reason ? { reason } : {}) }
}

function scaled({ median, low, high }: OwnCostFigures['own'], by: number): OwnCostFigures['own'] {
  return { median: median * by, low: low * by, high: high * by }
}
