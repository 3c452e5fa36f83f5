import { Socket } from 'node:net'
import type tls from 'node:tls'
import { canonicalName, type Endpoint, readEndpoint } from '../key/endpoint.js'
import { invalidArgType, outOfRange } from '../util/errors.js'

/** Which connections an installed `tls.connect` resumes. */
export interface RolloutOptions {
  /**
   * If given, only connections to these peers resume. A peer is `host`, or `*.domain` for all hosts of a domain,
   * each with or without `:port`. It is also `[::1]:port` for an IPv6 address, or the path of a unix socket. A host is compared
   * with `servername`, with `host`, and with the address that a given `socket` leads to, in any spelling.
   */
  include?: readonly string[] | undefined
  /** Connections to these peers do not resume, even if `include` names them. Written as in `include`. */
  exclude?: readonly string[] | undefined
  /**
   * The fraction of connections that may resume, 0 to 1, drawn for each connection.
   * @defaultValue 1
   */
  sampleRate?: number | undefined
}

export const ROLLOUT_OPTIONS: readonly string[] = [
  'include',
  'exclude',
  'sampleRate',
] satisfies (keyof RolloutOptions)[]

/** Decides whether a connection may resume. */
export type Chooses = (options: tls.ConnectionOptions) => boolean

/** SQL Server closes the connection when a client offers it a session. */
const SQL_SERVER_PORT = '1433'

/** @throws `ERR_INVALID_ARG_TYPE` or `ERR_OUT_OF_RANGE`, naming the option. */
export function chooser({ include, exclude, sampleRate = 1 }: RolloutOptions): Chooses {
  const included = include && parsePatterns('include', include)
  const excluded = parsePatterns('exclude', exclude ?? [])
  if (typeof sampleRate !== 'number') throw invalidArgType('"sampleRate" option', 'a number', sampleRate)
  if (!(sampleRate >= 0 && sampleRate <= 1))
    throw outOfRange('"sampleRate" option', 'from 0 to 1', sampleRate)
  return options => {
    // A stream that is no socket carries TLS inside of another protocol, as SQL Server's does.
    if (options.socket && !(options.socket instanceof Socket)) return false
    const endpoint = readEndpoint(options)
    // If the port is unknown, an exclusion of any port holds.
    // @guard excluded-peers › install › when exclude names the host, a connection does not resume
    if (excluded.some(pattern => matches(pattern, endpoint, endpoint.ports.length === 0))) return false
    const isIncluded = included
      ? included.some(pattern => matches(pattern, endpoint, false))
      : // @guard excluded-peers › rollout › rollout: port 1433 of SQL Server is excluded over sockets too,
        //   unless it is included
        //   ⇒ `!endpoint.ports.includes(SQL_SERVER_PORT)` becomes `true`
        !endpoint.ports.includes(SQL_SERVER_PORT)
    return isIncluded && (sampleRate === 1 || Math.random() < sampleRate)
  }
}

interface Pattern {
  isName(name: string): boolean
  port: string | undefined
}

function matches({ isName, port }: Pattern, { names, ports }: Endpoint, isAnyPort: boolean): boolean {
  return (port === undefined || isAnyPort || ports.includes(port)) && names.some(isName)
}

function parsePatterns(option: string, patterns: unknown): Pattern[] {
  if (!Array.isArray(patterns) || !patterns.every(pattern => typeof pattern === 'string')) {
    throw invalidArgType(`"${option}" option`, 'an array of strings', patterns)
  }
  return patterns.map(text => {
    const pattern = parsePattern(text)
    if (pattern === undefined) {
      throw outOfRange(`"${option}" option`, "of 'host', 'host:port', '*.domain' or a path", `'${text}'`)
    }
    return pattern
  })
}

const IPV6 = String.raw`[0-9a-f:.]*:[0-9a-f:.]*:[0-9a-f:.]*(?:%[\w.-]+)?`
const PATTERN = new RegExp(String.raw`^(?:\[([^\]]+)\]|([^:[\]\s]+|${IPV6}))(?::(\d{1,5}))?$`, 'i')

function parsePattern(text: string): Pattern | undefined {
  if (text.startsWith('/')) return { isName: name => name === text, port: undefined }
  const [, bracketed, plain, digits] = PATTERN.exec(text.trim()) ?? []
  const host = bracketed ?? plain
  const port = digits && String(Number(digits))
  if (host === undefined || host.slice(1).includes('*')) return undefined
  if (host === '*') return { isName: () => true, port }
  if (!host.startsWith('*')) {
    const wanted = canonicalName(host)
    return { isName: name => name === wanted, port }
  }
  if (!host.startsWith('*.')) return undefined
  const domain = `.${canonicalName(host.slice(2))}`
  return { isName: name => name.endsWith(domain) && name.length > domain.length, port }
}
