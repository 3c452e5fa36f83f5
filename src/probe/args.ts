import { readFileSync } from 'node:fs'
import net from 'node:net'
import { createSecureContext } from 'node:tls'
import { parseArgs } from 'node:util'
import { similar } from '../util/validate.js'
import type { Version } from './handshake.js'
import { STARTTLS, type StartTls } from './starttls.js'
import { type Peer, parsePeer } from './target.js'

/** The parsed command line. */
export interface ProbeOptions {
  peers: Peer[]
  versions: Version[]
  servername: string | undefined
  otherServername: string
  /** Sessions are created under the first protocol and offered under the second. undefined: chosen by the port. */
  alpn: string[] | undefined
  addresses: string[]
  credentials: { ca?: string; cert?: string; key?: string }
  insecure: boolean
  /** Milliseconds. */
  timeout: number
  /** The number of timed full handshakes, and of resumed ones. undefined: chosen by the protocol. */
  tries: number | undefined
  json: boolean
  /** How many peers are probed at once. */
  concurrency: number
  /** undefined: if the output is a terminal with colours. */
  color: boolean | undefined
}

/** An invalid command line. The message is a sentence without a full stop. */
export class UsageError extends Error {}

const options = {
  starttls: { type: 'string' },
  servername: { type: 'string' },
  'other-servername': { type: 'string' },
  alpn: { type: 'string' },
  address: { type: 'string' },
  tls: { type: 'string' },
  ca: { type: 'string' },
  cert: { type: 'string' },
  key: { type: 'string' },
  insecure: { type: 'boolean' },
  timeout: { type: 'string' },
  tries: { type: 'string' },
  json: { type: 'boolean' },
  concurrency: { type: 'string' },
  color: { type: 'boolean' },
  'no-color': { type: 'boolean' },
  help: { type: 'boolean', short: 'h' },
  version: { type: 'boolean', short: 'v' },
} as const

/**
 * Parses the arguments after `probe`.
 * @throws UsageError
 */
export function parseOptions(
  args: string[],
  readPeers: () => string = readStandardInput,
): ProbeOptions | 'help' | 'version' {
  const { values, positionals: given } = parse(args)
  if (values.help) return 'help'
  if (values.version) return 'version'
  const positionals = given.flatMap(text => (text === '-' ? peersIn(readPeers()) : [text]))
  if (positionals.length === 0) throw new UsageError('A peer is missing: tls-resumption probe HOST[:PORT]')
  const startTls = oneOf('--starttls', values.starttls, [...STARTTLS, 'none'] as const)
  const addresses = values.address?.split(',') ?? []
  for (const address of addresses) {
    if (!net.isIP(address)) throw new UsageError(`--address takes IP addresses, not '${address}'`)
  }
  const peers = [...new Set(positionals)].map(text => peerOf(text, startTls))
  if (addresses.length > 0 && peers.length > 1) throw new UsageError('--address works with one peer only')
  const alpn = values.alpn?.split(',')
  if (alpn && (alpn.length > 2 || alpn.some(name => name.length < 1 || name.length > 255))) {
    throw new UsageError('--alpn takes one or two protocols, separated by a comma, as in http/1.1,h2')
  }
  const newest = oneOf('--tls', values.tls, ['1.2', '1.3'] as const)
  return {
    peers,
    versions: newest ? [`TLSv${newest}`] : ['TLSv1.3', 'TLSv1.2'],
    servername: hostName('--servername', values.servername),
    otherServername: hostName('--other-servername', values['other-servername']) ?? 'other.invalid',
    alpn,
    addresses,
    credentials: readCredentials(values),
    insecure: values.insecure ?? false,
    timeout: numberOf('--timeout', values.timeout, 0.1, 120, 'seconds') * 1000 || 5000,
    tries: values.tries === undefined ? undefined : integerOf('--tries', values.tries, 0, 100),
    json: values.json ?? false,
    concurrency: values.concurrency === undefined ? 1 : integerOf('--concurrency', values.concurrency, 1, 50),
    color: values['no-color'] ? false : values.color,
  }
}

function readStandardInput(): string {
  return readFileSync(0, 'utf8')
}

/** Returns the peers of a list: one in a line, without empty lines and comments. */
function peersIn(text: string): string[] {
  return text
    .split('\n')
    .map(line => line.replace(/(?:^|\s)#.*/, '').trim())
    .filter(Boolean)
}

function parse(args: string[]) {
  // `--tries -1`: a negative number is the value, and its own check says what is wrong with it.
  const joined = args.flatMap((arg, index) => {
    const next = args[index + 1] ?? ''
    if (/^--[\w-]+$/.test(arg) && /^-[\d.]/.test(next)) return `${arg}=${next}`
    return /^-[\d.]/.test(arg) && /^--[\w-]+$/.test(args[index - 1] ?? '') ? [] : arg
  })
  try {
    return parseArgs({ args: joined, options, allowPositionals: true })
  } catch (error) {
    // The first sentence of Node's message is sufficient. The rest explains arguments that begin with a dash.
    const [sentence = ''] = String((error as Error).message).split(/\. |\n/)
    const [, unknown] = /^Unknown option '--([^']+)'/.exec(sentence) ?? []
    const meant = unknown && Object.keys(options).find(option => similar(option, unknown))
    throw new UsageError(`${sentence.replace(/\.$/, '')}${meant ? `: did you mean '--${meant}'?` : ''}`)
  }
}

function peerOf(text: string, startTls: StartTls | 'none' | undefined): Peer {
  const peer = parsePeer(text, startTls)
  if (typeof peer === 'string') throw new UsageError(peer)
  return peer
}

function oneOf<Name extends string>(
  option: string,
  value: string | undefined,
  names: readonly Name[],
): Name | undefined {
  if (value === undefined || names.includes(value as Name)) return value as Name | undefined
  throw new UsageError(`${option} takes ${names.slice(0, -1).join(', ')} or ${names.at(-1)}, not '${value}'`)
}

function hostName(option: string, value: string | undefined): string | undefined {
  if (value === undefined || (/^[\x21-\x7e]{1,255}$/.test(value) && !net.isIP(value))) return value
  throw new UsageError(`${option} takes the name of a host, not '${value}'`)
}

function numberOf(option: string, value: string | undefined, min: number, max: number, unit: string): number {
  if (value === undefined) return Number.NaN
  const number = value.trim() === '' ? Number.NaN : Number(value)
  if (number >= min && number <= max) return number
  throw new UsageError(`${option} takes ${unit} from ${min} to ${max}, not '${value}'`)
}

function integerOf(option: string, value: string, min: number, max: number): number {
  const number = numberOf(option, value, min, max, 'an integer')
  if (Number.isInteger(number)) return number
  throw new UsageError(`${option} takes an integer from ${min} to ${max}, not '${value}'`)
}

/** Reads the certificate files and lets OpenSSL check them, before any connection is made. */
function readCredentials(values: { ca?: string; cert?: string; key?: string }): ProbeOptions['credentials'] {
  if ((values.cert === undefined) !== (values.key === undefined)) {
    throw new UsageError('--cert and --key need each other: a client certificate works only with its key')
  }
  const credentials: ProbeOptions['credentials'] = {}
  for (const name of ['ca', 'cert', 'key'] as const) {
    const path = values[name]
    if (path === undefined) continue
    try {
      credentials[name] = readFileSync(path, 'utf8')
    } catch (error) {
      throw new UsageError(`--${name}: '${path}' cannot be read (${(error as NodeJS.ErrnoException).code})`)
    }
    if (name !== 'key' && !/-----BEGIN (?:X509 |TRUSTED )?CERTIFICATE-----/.test(credentials[name])) {
      throw new UsageError(`--${name}: '${path}' contains no PEM certificate`)
    }
  }
  try {
    createSecureContext(credentials)
  } catch (error) {
    const { code, reason, message } = error as NodeJS.ErrnoException & { reason?: string }
    const which = Object.keys(credentials).map(name => `--${name}`)
    throw new UsageError(`OpenSSL rejects ${which.join(', ')}: ${reason ?? message} (${code})`)
  }
  return credentials
}

/** The output of `--help`, at most 100 characters wide. */
export const HELP = `Reports whether a peer resumes TLS sessions, how, for how long, and what that saves.

  tls-resumption probe HOST[:PORT] …

The default port is 443. A peer may also be a URL, such as postgres://db.example/. The peer - stands
for a list on the standard input, with one peer in a line. The command makes about 30 connections to
each peer, one after the other, and times 20 of them (--tries). It sends only handshakes, the
negotiation of TLS where the protocol has one, and a HEAD request to an HTTP server that sends no
ticket before its first response.

  --starttls PROTOCOL      postgres, mysql, smtp, lmtp, imap, pop3, sieve, ftp, nntp, xmpp or ldap;
                           none for TLS from the first byte. The usual port of each has it as its
                           default.
  --tls VERSION            Probe only 1.2 or only 1.3.
  --servername NAME        Send this name (SNI) and verify the certificate for it, instead of HOST.
  --other-servername NAME  Offer a session under this name, to find out whether the peer binds
                           sessions to names. (other.invalid)
  --alpn A[,B]             Create sessions under protocol A and offer one under B, or under none.
                           (http/1.1,h2 at the ports 443 and 8443, otherwise none)
  --address IP[,IP …]      Connect to these addresses instead of those of the name.
  --ca FILE                Trust these certificates (PEM) instead of those that Node.js trusts.
  --cert FILE --key FILE   A client certificate and its key (PEM).
  --insecure               Do not verify the peer. An attacker on the path can then impersonate it,
                           receives the client certificate, and is what the command probes.
  --timeout SECONDS        The time limit of each connection, with its handshake. (5)
  --tries COUNT            The number of full and of resumed handshakes to time; 0 for none.
                           (5, for MySQL 3)
  --concurrency COUNT      Peers to probe at once. Timings then disturb each other. (1)
  --json                   Print all findings and every connection as JSON.
  --color, --no-color      Use colours, or none. (on a terminal)
  --version, --help        (-v, -h)

Exit codes: 0 all peers resume, in the newest version of TLS that each supports; 1 a peer does not;
2 the command line is invalid; 3 a peer could not be probed; 4 the program could not run.
`
