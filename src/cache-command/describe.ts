/** What `tls-resumption cache FILE` shows of a file. It holds no secret. */
import { native } from '../native/addon.js'
import { DAY, HOUR, MINUTE, SECOND, wallClock } from '../util/time.js'

/** The JSON of `--json`. The names of durations and sizes end with their unit. */
export interface Description {
  /** The form described here. */
  schemaVersion: 1
  path: string
  serves: 'clients' | 'servers'
  /** When the file was made, in ISO 8601. */
  created: string
  fileSystem: string
  /** Bytes of memory that the file of sessions takes. */
  allocatedBytes: number
  /** The IDs of the processes that have it open, without this command. */
  processes: number[]
  /** The options of the file. */
  max: number
  maxSessionBytes: number
  singleUse: boolean
  sessions: number
  sessionBytes: number
  /** How long ago the sessions were stored. null without a session. */
  ages: { newestMs: number; medianMs: number; oldestMs: number } | null
  chains: number
  chainBytes: number
  /** The ring of ticket keys. null if no process has opened one. */
  ring: Ring | null
}

interface Ring {
  /** 0: a key stays active until `rotate()`. */
  rotateEveryMs: number
  keep: number
  /** When the next key becomes active, in ISO 8601. null without `rotateEvery`. */
  nextRotation: string | null
  /** The active key first, then the newest. `generation`: how many keys came before. */
  keys: { generation: number; ageMs: number }[]
}

/** Describes the file of a path that this process has open. Throws if it was removed. */
export function describe(path: string, serves: 'clients' | 'servers'): Description {
  const info = native.fileInfo(path)
  if (info === null) throw new Error('The file was removed')
  const { ages, ring } = info
  const [newestMs, medianMs, oldestMs] = ages as [number?, number?, number?]
  return {
    schemaVersion: 1,
    path,
    serves,
    created: new Date(info.created).toISOString(),
    fileSystem: info.fileSystem,
    allocatedBytes: info.allocated,
    processes: info.processes.filter(id => id !== process.pid),
    max: info.max,
    maxSessionBytes: info.maxSession,
    singleUse: info.singleUse,
    sessions: info.sessions,
    sessionBytes: info.sessionBytes,
    ages:
      newestMs === undefined || medianMs === undefined || oldestMs === undefined
        ? null
        : { newestMs, medianMs, oldestMs },
    chains: info.chains,
    chainBytes: info.chainBytes,
    ring: ring ? describeRing(ring) : null,
  }
}

type FileInfo = NonNullable<ReturnType<typeof native.fileInfo>>

function describeRing({ rotateEvery, keep, keys }: NonNullable<FileInfo['ring']>): Ring {
  const [active] = keys
  const next = active && rotateEvery > 0 ? new Date(wallClock() - active.age + rotateEvery) : undefined
  return {
    rotateEveryMs: rotateEvery,
    keep,
    nextRotation: next?.toISOString() ?? null,
    keys: keys.map(({ generation, age }) => ({ generation, ageMs: age })),
  }
}

/** Writes a description for people. */
export function toText(description: Description): string {
  const { path, serves, created, processes, ages, ring } = description
  const list = processes.length ? ` (${processes.join(', ')})` : ''
  const rows = [
    ['file', `${path}, on ${description.fileSystem}`],
    ['serves', serves],
    ['created', created],
    ['processes', `${processes.length} besides this command${list}`],
    ['sessions', `${description.sessions} of ${description.max} (${description.sessionBytes} bytes)`],
  ]
  if (ages) {
    const [newest, median, oldest] = [ages.newestMs, ages.medianMs, ages.oldestMs].map(formatAge)
    rows.push(['stored', `newest ${newest} ago, median ${median}, oldest ${oldest}`])
  }
  rows.push(
    ['certificate chains', `${description.chains} (${description.chainBytes} bytes)`],
    ['memory', `${description.allocatedBytes} bytes`],
    ['longest session', `${description.maxSessionBytes} bytes`],
    ['single use', description.singleUse ? 'yes' : 'no'],
  )
  if (ring) rows.push(['ticket keys', formatRing(ring)])
  return rows.map(([name = '', value]) => `${name.padEnd(20)}${value}\n`).join('')
}

function formatRing({ keys, keep, rotateEveryMs, nextRotation }: Ring): string {
  const list = keys.map(({ ageMs }) => formatAge(ageMs)).join(', ')
  const rotation = nextRotation
    ? `every ${formatAge(rotateEveryMs)}, next at ${nextRotation}`
    : 'by a call only'
  return `${keys.length} of ${keep}, active since ${list || 'never'}; rotation ${rotation}`
}

const UNITS: readonly [name: string, ms: number][] = [
  ['d', DAY],
  ['h', HOUR],
  ['min', MINUTE],
  ['s', SECOND],
]

/** Rounds down to the largest unit that there is one of. */
function formatAge(ms: number): string {
  const [name, size] = UNITS.find(([, size]) => ms >= size) ?? ['s', SECOND]
  return `${Math.floor(ms / size)} ${name}`
}
