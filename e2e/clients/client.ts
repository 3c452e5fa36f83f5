import type { Front, Kind } from './kinds.ts'

/** What a client says of one of its connections, as far as it can tell. */
export interface Seen {
  resumed?: boolean
  /** SHA-256 of each certificate, the leaf first; those that the client tells. */
  chain?: string[]
  alpn?: string
}

/** Where a client is to go, and how often. */
export interface Target {
  port: number
  front: Front
  kind: Kind
  visits: number
  /** Path of the authority's certificate, PEM. */
  ca: string
  /** A directory of the trial's own. */
  directory: string
  /** Resolves once the page has come back as often as it was to, for browsers. */
  isDone: Promise<unknown>
}

/** A client that is tried against our servers. */
export interface Client {
  /** As the table calls it. */
  title: string
  /** The programs it takes, and Debian's packages that bring each. */
  programs: Readonly<Record<string, readonly string[]>>
  version(): Promise<string>
  /** Left out: https alone. */
  fronts?: readonly Front[]
  /** How many connections it opens at once to begin with, before it has a session. Left out: one. */
  atOnce?: number
  /** Why this client does not resume in this way, where it does not: then it must not. */
  never?(kind: Kind): string | undefined
  /** Runs the client. What it says of its connections, in their order, if it says anything. */
  visit(target: Target): Promise<Seen[]>
}
