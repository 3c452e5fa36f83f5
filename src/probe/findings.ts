import type { Version } from './handshake.js'
import type { StartTls } from './starttls.js'
import type { Spread } from './statistics.js'

/** The purpose of a connection. */
export type Purpose =
  | 'first'
  | 'resume'
  | 'reuse'
  | 'check'
  | 'servername'
  | 'alpn'
  | 'session-id'
  | 'address'
  | 'timing'
  /** Obtains a session for another purpose. */
  | 'session'

/** One connection of a probe. */
export interface Contact {
  version: Version
  purpose: Purpose
  address: string
  /** True if a session was offered. */
  offered: boolean
  resumed: boolean
  /** The number of received sessions: TLS 1.3 tickets, or at most one of TLS 1.2. */
  sessions: number
  handshakeMs: number | undefined
  cpuMs: number | undefined
  /** Why the connection failed. */
  error: string | undefined
}

/** The reason why a peer does not resume. */
export type Refusal =
  /** It sends neither a ticket nor a session ID. */
  | 'no-session'
  /** Its tickets have a lifetime of 0, so clients must not use them. */
  | 'lifetime-zero'
  /** It accepts none of its sessions. */
  | 'refused'
  /** Handshakes fail if a session is offered. */
  | 'breaks'

/** The outcome of offering a session under other conditions than those of its handshake. */
export type Elsewhere =
  | { outcome: 'resumed' | 'full' }
  /** No handshake succeeded under these conditions, so nothing is known. */
  | { outcome: 'failed'; error: string }

/** How long handshakes took. */
export interface Timing {
  tries: number
  full: { handshakeMs: Spread; cpuMs: Spread }
  resumed: { handshakeMs: Spread; cpuMs: Spread }
  /** What 1000 connections save. Negative if resuming took longer. */
  savedPerThousand: { handshakeSeconds: number; cpuSeconds: number }
}

/** The findings about a peer for one version of TLS that it supports. */
export interface VersionFindings {
  version: Version
  cipher: string
  alpn: string | undefined
  resumes: boolean
  refusal: Refusal | undefined
  /** How handshakes fail if a session is offered. */
  breaks: string | undefined
  /** How sessions are identified. TLS 1.3 always uses tickets. */
  by: 'ticket' | 'session-id' | undefined
  /** TLS 1.2: true if it resumes by session ID for a client without tickets. undefined if not tried. */
  byIdToo: boolean | undefined
  /** The number of sessions after a full handshake. */
  sessions: number
  /** The number of sessions after a resumed handshake. */
  renewed: number | undefined
  /** The size of a ticket or session ID in bytes. */
  sizeBytes: number | undefined
  /** Seconds. undefined if the peer sends no lifetime. */
  lifetimeHintSeconds: number | undefined
  /** TLS 1.3: how many bytes of 0-RTT data the peer accepts with a session. undefined without a session. */
  earlyDataBytes: number | undefined
  /** The outcome of offering a session a second time. */
  reuse: 'resumed' | 'full' | undefined
  underOtherName: Elsewhere | undefined
  underOtherAlpn: Elsewhere | undefined
  atOtherAddresses: ({ address: string } & Elsewhere)[]
  /** The number of unused sessions offered under equal conditions, and how many of them resumed. */
  taken: { offered: number; resumed: number }
  timing: Timing | undefined
  /** The failure that ended the examination early. */
  incomplete: string | undefined
}

export interface PeerFindings {
  peer: string
  host: string
  port: number
  startTls: StartTls | undefined
  addresses: string[]
  /** The address that was probed. */
  address: string | undefined
  /** The findings by version, the newest first. */
  versions: VersionFindings[]
  /** Versions without a successful handshake. */
  notSpoken: { version: Version; error: string }[]
  contacts: Contact[]
  /** Why the peer could not be probed. */
  error: { code: string; message: string } | undefined
  /** True if the peer resumes in the newest version that it supports, which clients negotiate. */
  resumes: boolean | undefined
  verdict: string
  notes: string[]
}
