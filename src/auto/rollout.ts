import net from 'node:net'
import type tls from 'node:tls'
import { invalidArgType, outOfRange } from '../util/errors.js'

/** Which connections an installed `tls.connect` resumes. */
export interface RolloutOptions {
  /**
   * If given, only connections to these peers resume. A peer is `host`, `host:port`, or `*.domain` for all hosts of
   * a domain, with or without `:port`; `[::1]:port` for an IPv6 address; the path of a unix socket. A host is
   * compared with `servername` and with `host`, whatever the case.
   */
  include?: readonly string[] | undefined
  /** Connections to these peers do not resume, whatever `include` says. Written as there. */
  exclude?: readonly string[] | undefined
  /**
   * The share of connections that may resume, 0 to 1, drawn for each anew.
   * @defaultValue 1
   */
  share?: number | undefined
}

export const ROLLOUT_OPTIONS: readonly string[] = [
  'include',
  'exclude',
  'share',
] satisfies (keyof RolloutOptions)[]

/** Tells whether a connection is one of those. */
export type Chooses = (options: tls.ConnectionOptions) => boolean

/** SQL Server breaks off when a client offers it a session. */
const OFF_PORT = '1433'

/** @throws `ERR_INVALID_ARG_TYPE` or `ERR_OUT_OF_RANGE`, naming the option. */
export function chooser({ include, exclude, share = 1 }: RolloutOptions): Chooses {
  const included = include && matchers('include', include)
  const excluded = matchers('exclude', exclude ?? [])
  if (typeof share !== 'number') throw invalidArgType('"share" option', 'a number', share)
  if (!(share >= 0 && share <= 1)) throw outOfRange('"share" option', 'from 0 to 1', share)
  return options => {
    // A stream that is no socket carries TLS inside of some other protocol, as SQL Server's does.
    if (options.socket && !(options.socket instanceof net.Socket)) return false
    const peer = peerOf(options)
    // @guard excluded-peers › install › when exclude names the host, a connection does not resume
    if (excluded.some(matches => matches(peer))) return false
    // @guard excluded-peers › install › the port of SQL Server is left alone, unless it is named
    //   ⇒ `peer.port === OFF_PORT` becomes `false`
    if (included ? !included.some(matches => matches(peer)) : peer.port === OFF_PORT) return false
    return share === 1 || Math.random() < share
  }
}

interface Peer {
  hosts: string[]
  port: string
}

function peerOf({ host, port, path, servername }: tls.ConnectionOptions): Peer {
  if (path) return { hosts: [String(path)], port: '' }
  const hosts = [host ?? 'localhost', ...(servername ? [servername] : [])]
  return { hosts: hosts.map(name => String(name).toLowerCase()), port: String(port ?? '') }
}

type Matches = (peer: Peer) => boolean

function matchers(option: string, patterns: unknown): Matches[] {
  if (!Array.isArray(patterns) || !patterns.every(pattern => typeof pattern === 'string')) {
    throw invalidArgType(`"${option}" option`, 'an array of strings', patterns)
  }
  return patterns.map(pattern => {
    const parsed = parse(pattern)
    if (parsed === undefined) {
      throw outOfRange(`"${option}" option`, "of 'host', 'host:port', '*.domain' or a path", `'${pattern}'`)
    }
    return parsed
  })
}

const PATTERN = /^(?:\[([^\]]+)\]|([^:[\]\s]+|[0-9a-f:.]*:[0-9a-f:.]*:[0-9a-f:.]*))(?::(\d{1,5}))?$/i

function parse(pattern: string): Matches | undefined {
  if (pattern.startsWith('/')) return ({ hosts }) => hosts[0] === pattern
  const [, bracketed, plain, port] = PATTERN.exec(pattern.trim()) ?? []
  const host = (bracketed ?? plain)?.toLowerCase()
  if (host === undefined || host.slice(1).includes('*') || /^\*(?!\.|$)/.test(host)) return undefined
  const isHost = host.startsWith('*')
    ? (name: string) => name.endsWith(host.slice(1)) && name.length >= host.length
    : (name: string) => name === host
  return peer => (port === undefined || peer.port === port) && peer.hosts.some(isHost)
}
