/** The one place where differences between plain Node.js and `auto` are known and wanted, each with its reason. */

/** What a way has seen in one visit. */
export interface Record {
  logs?: { [label: string]: string[] }
  snapshots?: { [moment: string]: { [name: string]: unknown } }
  [other: string]: unknown
}

interface Rule {
  reason: string
  /** True if an entry of a log is left out of the comparison. */
  entry?(entry: string, label: string, key: string): boolean
  /** True if a property of a snapshot is left out. */
  property?(name: string, moment: string): boolean
}

export const RULES: readonly Rule[] = [
  {
    reason: 'A connection that resumes is the purpose of the package.',
    property: name => name === 'isSessionReused()',
  },
  {
    reason: 'A resumed handshake brings fewer new sessions: with TLS 1.2, and from servers of Node.js, none.',
    entry: entry => entry === 'session',
  },
  {
    reason: 'A server that resumes asks for no client certificate, so it names no algorithms for one.',
    property: name => name === 'getSharedSigalgs()',
  },
  {
    reason: 'A resumed connection has the ticket that it offered, even before the peer sends a new one.',
    property: name => name === 'getTLSTicket()' || name === 'getSession()',
  },
  {
    reason: 'A socket that offers a session has the cipher of that session before the handshake.',
    property: (name, moment) => name === 'getCipher()' && moment.endsWith(' created'),
  },
  {
    reason:
      'The peer sends no certificates and fewer tickets when it resumes, so fewer bytes are read and written.',
    property: name => name === 'bytesRead' || name === 'bytesWritten',
  },
  {
    reason:
      'A server that resumes with TLS 1.2 knows the name only if a context was chosen by it; TLS 1.3 shows it.',
    entry: (entry, label, key) =>
      label === 'server' && entry.startsWith('servername ') && key.includes('TLSv1.2'),
  },
]

/** Returns a record without what the rules leave out. `key` names the visit. */
export function normalise(record: Record, key: string): Record {
  const { logs, snapshots, ...rest } = record
  return {
    ...rest,
    ...(logs && {
      logs: mapValues(logs, (entries, label) =>
        entries.filter(entry => !RULES.some(rule => rule.entry?.(entry, label, key))),
      ),
    }),
    ...(snapshots && {
      snapshots: filterProperties(
        snapshots,
        (name, moment) => !RULES.some(rule => rule.property?.(name, moment)),
      ),
    }),
  }
}

/**
 * Returns a record without the peer's certificates of some sockets. Plain Node.js does not know them when a session of the
 * caller has resumed; `auto` may.
 */
export function withoutCertificatesOf(record: Record, labels: readonly string[]): Record {
  if (!record.snapshots || labels.length === 0) return record
  const isLeftOut = (name: string, moment: string) =>
    name.startsWith('getPeer') &&
    name.includes('Certificate') &&
    labels.some(label => moment.startsWith(`${label} `))
  return {
    ...record,
    snapshots: filterProperties(record.snapshots, (name, moment) => !isLeftOut(name, moment)),
  }
}

function filterProperties(
  snapshots: NonNullable<Record['snapshots']>,
  isKept: (name: string, moment: string) => boolean,
): NonNullable<Record['snapshots']> {
  return mapValues(snapshots, (properties, moment) =>
    Object.fromEntries(Object.entries(properties).filter(([name]) => isKept(name, moment))),
  )
}

function mapValues<From, To>(
  object: { [name: string]: From },
  map: (value: From, name: string) => To,
): { [name: string]: To } {
  return Object.fromEntries(Object.entries(object).map(([name, value]) => [name, map(value, name)]))
}
