import type { Front, Kind } from './kinds.ts'

/** What a client reports of one of its connections. */
export interface Seen {
  resumed?: boolean
  /** SHA-256 of each certificate that the client reports, the leaf first. */
  chain?: string[]
  alpn?: string
}

/** The place that a client connects to, and the number of visits. */
export interface Target {
  port: number
  front: Front
  kind: Kind
  visits: number
  /** Path of the authority's certificate, PEM. */
  ca: string
  /** A directory of the trial. */
  directory: string
  /** Resolves once a browser has requested the page for the last time. */
  isDone: Promise<unknown>
}

/** A client that connects to servers of this package. */
export interface Client {
  /** The name in the table. */
  title: string
  /** The programs it needs, with the Debian packages that have them. */
  programs: Readonly<Record<string, readonly string[]>>
  version(): Promise<string>
  /** By default, only https. */
  fronts?: readonly Front[]
  /** The number of connections that it opens at once before it has a session. By default, one. */
  atOnce?: number
  /** Why this client does not resume in this way. If set, it must not resume. */
  never?(kind: Kind): string | undefined
  /** Runs the client. Resolves with its reports, in the order of its connections, if it makes any. */
  visit(target: Target): Promise<Seen[]>
}
