/** Makes tables of the figures, and compares them with targets. */
import { textOf } from '../lib/format.ts'
import type { ResultTable, Target } from '../lib/result.ts'
import { BURST, BURST_KIND, type BurstFigures } from './burst.ts'
import type { FetchFigures } from './fetch.ts'
import { type Kind, labelOf } from './kinds.ts'
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
      { title: 'client', unit: 'µs', digits: 0 },
      { title: 'server', unit: 'µs', digits: 0 },
      { title: 'latency', unit: 'ms', digits: 2 },
      { title: '16 at once', unit: 'per s', digits: 0 },
      { title: 'full handshakes', digits: 0 },
    ],
    rows: compared.flatMap(({ kind, modes }) =>
      modes.map(({ mode, ratio, clientCpu, serverCpu, latency, perSecond, fullHandshakes }) => [
        kind,
        mode,
        ratio,
        clientCpu,
        serverCpu,
        latency,
        perSecond,
        fullHandshakes,
      ]),
    ),
    samples: `${rounds} interleaved rounds of ${connections} connections each; handshakes are counted by the server`,
    remark:
      'CPU time is that of two processes, by `getrusage`, a connection and its echo. *Node with its best own cache* is ' +
      'what can be had by hand for one fixed set of options in one thread: a `Map` of sessions and one `SecureContext`. ' +
      'It knows neither lifetimes nor what decided that a peer was trusted, and checks nothing again.',
    chart: { x: 'handshake', y: 'CPU of both ends, of Node alone', series: 'by' },
  }
}

function bursts({ bursts, rounds }: Figures): ResultTable {
  return {
    id: 'burst',
    title: `${BURST} connections at once to a peer that nobody has met: ${BURST_KIND}`,
    columns: [
      { title: 'by' },
      { title: 'until the last has its echo', unit: 'ms', digits: 1 },
      { title: 'of those that do not wait for one another', ...RATIO },
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
    columns: [{ title: 'by' }, { title: 'full handshakes', digits: 0 }, { title: 'resumed', digits: 0 }],
    rows: threads.map(({ mode, full, resumed }) => [mode, full, resumed]),
    samples: `the worst of ${threads[0]?.times ?? 0}, counted by the servers`,
    chart: { x: 'by', y: 'full handshakes' },
  }
}

function fetches({ fetches }: Figures): ResultTable {
  return {
    id: 'fetch',
    title: 'The `fetch` of Node, a second apart, to a server that closes each connection',
    columns: [{ title: 'Node.js' }, { title: 'Node alone' }, { title: '`--import tls-resumption/auto`' }],
    rows: fetches.map(({ node, alone, auto }) => [node, alone, auto]),
    samples:
      'once; F is a full handshake, R a resumed one, as the server saw them; garbage is collected in between',
  }
}

function ownCosts({ ownCosts }: Figures): ResultTable {
  return {
    id: 'own-cost',
    title: 'What our own code costs in a connection',
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
      '*By hand* is one `SecureContext` for all connections. With a peer that resumes it is made by hand and ours is ours, ' +
      'and there is a `Map` of sessions; with the others the caller brings it in both cases, since what we save by sharing ' +
      'contexts would hide what the rest costs. Of a peer of which nothing comes, neither a resumption nor a session that may ' +
      'be offered, connections are left to Node after twenty in a row, but for one a second, which is seen to. Twenty ' +
      'refusals in a row, too, have a peer offered nothing for seconds, then longer.',
  }
}

/** The targets of the package's design. */
export function targetsOf({ compared, bursts, threads, fetches, ownCosts }: Figures): Target[] {
  return [
    ...AIMED.map(({ kind, atMost }) => {
      const modes = compared.find(({ kind: label }) => label === labelOf(kind))?.modes ?? []
      const [byHand, ours] = modes.slice(-2)
      if (byHand === undefined || ours === undefined)
        throw new RangeError(`${labelOf(kind)} was not measured`)
      const reason = `by hand, in the same rounds, it was ${textOf(byHand.ratio, RATIO)} (${byHand.mode})`
      return target(
        `${labelOf(kind)}: CPU of both ends, resumed with us, of full`,
        atMost,
        ours.ratio,
        reason,
      )
    }),
    ...threads
      .filter(({ mode }) => mode.startsWith('tls-resumption'))
      .map(({ mode, full }) =>
        target(
          `${mode}: full handshakes of ${ENDPOINTS} endpoints`,
          ENDPOINTS,
          full,
          'who has waited for a second goes on with a full handshake, as does everybody where all eight places of a lease are taken',
        ),
      ),
    target(
      `a burst of ${BURST}, ${BURST_KIND}: wall time, of connections that do not wait`,
      0.6,
      bursts.at(-1)?.ratio ?? Number.NaN,
    ),
    ...fetches.map(({ node, auto }) =>
      target(
        `fetch on Node.js ${node}: full handshakes after the first`,
        0,
        auto.slice(1).split('F').length - 1,
      ),
    ),
    ...ownCosts
      .filter(({ isLeftAlone }) => isLeftAlone)
      .map(({ kind, peer, own, fullCpu }) => ({
        ...target(
          `${kind}, the peer ${peer}: our code, of a full handshake`,
          1,
          scaled(own, 100 / fullCpu),
          `${textOf(own, { digits: 0 })} µs, of JavaScript that runs between handshakes, each of which empties the ` +
            'processor’s caches',
        ),
        unit: '%',
      })),
  ]
}

function target(figure: string, atMost: number, value: Target['value'], reason?: string): Target {
  return { figure, atMost, value, ...(reason ? { reason } : {}) }
}

interface Aim {
  kind: Kind
  atMost: number
}

const AIMED: Aim[] = [
  { kind: { algorithm: 'rsa', version: 'TLSv1.3', clientCertificate: true }, atMost: 0.35 },
  { kind: { algorithm: 'rsa', version: 'TLSv1.2', clientCertificate: true }, atMost: 0.22 },
  { kind: { algorithm: 'ecdsa', version: 'TLSv1.3', clientCertificate: true }, atMost: 0.6 },
  { kind: { algorithm: 'ecdsa', version: 'TLSv1.3', clientCertificate: false }, atMost: 0.6 },
  { kind: { algorithm: 'ecdsa', version: 'TLSv1.2', clientCertificate: true }, atMost: 0.33 },
  { kind: { algorithm: 'ecdsa', version: 'TLSv1.2', clientCertificate: false }, atMost: 0.33 },
]

function scaled({ median, low, high }: OwnCostFigures['own'], by: number): OwnCostFigures['own'] {
  return { median: median * by, low: low * by, high: high * by }
}
