import type { Version } from './handshake.js'
import type { StartTls } from './starttls.js'
import type { Spread } from './statistics.js'

/** What a connection was made for. */
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
  /** To have a session for one of the others. */
  | 'session'

/** One connection of a probe. */
export interface Contact {
  version: Version
  purpose: Purpose
  address: string
  /** Whether a session was offered. */
  offered: boolean
  resumed: boolean
  /** How many sessions it brought: TLS 1.3 tickets, or the one of TLS 1.2. */
  sessions: number
  /** Milliseconds. */
  handshakeTime: number | undefined
  cpuTime: number | undefined
  /** Why it came to nothing. */
  error: string | undefined
}

/** Why a peer does not resume. */
export type Refusal =
  /** It hands out nothing to resume with. */
  | 'no-session'
  /** What it hands out is to be thrown away at once: a lifetime of 0. */
  | 'lifetime-zero'
  /** It hands out sessions and takes none of them. */
  | 'refused'
  /** With a session offered the handshake fails. */
  | 'breaks'

/** What a session got under some conditions is worth under others. */
export type Elsewhere =
  | { outcome: 'resumed' | 'full' }
  /** The peer does not do handshakes there at all, so nothing is known. */
  | { outcome: 'failed'; error: string }

/** Medians with the least and the largest, in milliseconds. */
export interface Timing {
  tries: number
  full: { handshake: Spread; cpu: Spread }
  resumed: { handshake: Spread; cpu: Spread }
  /** Seconds in 1000 connections; below 0 where resuming took longer. */
  savedPerThousand: { handshake: number; cpu: number }
}

/** What is known of a peer in one version of TLS that it speaks. */
export interface VersionFindings {
  version: Version
  cipher: string
  alpn: string | undefined
  resumes: boolean
  refusal: Refusal | undefined
  /** How handshakes break. */
  breaks: string | undefined
  /** What sessions are told by; a TLS 1.3 one always is a ticket. */
  by: 'ticket' | 'session-id' | undefined
  /** TLS 1.2: whether it resumes by id for a client without tickets; undefined where not tried. */
  byIdToo: boolean | undefined
  /** How many sessions a full handshake brings, and how many a resumed one. */
  sessions: number
  renewed: number | undefined
  /** Bytes of a ticket, or of the id. */
  size: number | undefined
  /** Seconds; undefined where the peer does not say. */
  lifetimeHint: number | undefined
  /** Whether a session that was used once was taken again. */
  reuse: 'resumed' | 'full' | undefined
  underOtherName: Elsewhere | undefined
  underOtherAlpn: Elsewhere | undefined
  atOtherAddresses: ({ address: string } & Elsewhere)[]
  /** Of the unused sessions that were offered where they came from, how many were taken. */
  taken: { offered: number; resumed: number }
  timing: Timing | undefined
  /** What went wrong before everything was tried. */
  incomplete: string | undefined
}

export interface PeerFindings {
  peer: string
  host: string
  port: number
  startTls: StartTls | undefined
  addresses: string[]
  /** The one that was probed. */
  address: string | undefined
  /** Newest first. */
  versions: VersionFindings[]
  /** Versions without a handshake, and why. */
  notSpoken: { version: Version; error: string }[]
  contacts: Contact[]
  /** Why nothing could be found out; then there is no verdict. */
  error: { code: string; message: string } | undefined
  /** Whether it resumes in the newest version it speaks, the one that clients get. */
  resumes: boolean | undefined
  verdict: string
  notes: string[]
}
