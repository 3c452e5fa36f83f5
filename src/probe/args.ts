import { readFileSync } from 'node:fs'
import net from 'node:net'
import { createSecureContext } from 'node:tls'
import { parseArgs } from 'node:util'
import { similar } from '../util/validate.js'
import type { Version } from './handshake.js'
import { STARTTLS, type StartTls } from './starttls.js'
import { type Peer, parsePeer } from './target.js'

/** What the command line asks for. */
export interface ProbeOptions {
  peers: Peer[]
  versions: Version[]
  servername: string | undefined
  otherServername: string
  /** Under the first sessions are made, under the second they are offered; undefined: by the port. */
  alpn: string[] | undefined
  addresses: string[]
  credentials: { ca?: string; cert?: string; key?: string }
  insecure: boolean
  /** Milliseconds. */
  timeout: number
  /** How many full and how many resumed handshakes are timed; undefined: by the protocol. */
  tries: number | undefined
  json: boolean
}

/** Something is wrong with how the program was called; the message is a sentence without a full stop. */
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
  help: { type: 'boolean', short: 'h' },
  version: { type: 'boolean' },
} as const

/** @throws UsageError */
export function parseOptions(args: string[]): ProbeOptions | 'help' | 'version' {
  const { values, positionals } = parsed(args)
  if (values.help) return 'help'
  if (values.version) return 'version'
  if (positionals.length === 0) throw new UsageError('No peer is named: tls-resumption probe HOST[:PORT]')
  const startTls = oneOf('--starttls', values.starttls, [...STARTTLS, 'none'] as const)
  const addresses = values.address?.split(',') ?? []
  for (const address of addresses) {
    if (!net.isIP(address)) throw new UsageError(`--address takes IP addresses, not '${address}'`)
  }
  const peers = [...new Set(positionals)].map(text => peerOf(text, startTls))
  if (addresses.length > 0 && peers.length > 1) throw new UsageError('--address is for one peer alone')
  const alpn = values.alpn?.split(',')
  if (alpn && (alpn.length > 2 || alpn.some(name => name.length < 1 || name.length > 255))) {
    throw new UsageError('--alpn takes one protocol, or two with a comma between, as in http/1.1,h2')
  }
  const newest = oneOf('--tls', values.tls, ['1.2', '1.3'] as const)
  return {
    peers,
    versions: newest ? [`TLSv${newest}`] : ['TLSv1.3', 'TLSv1.2'],
    servername: nameOf('--servername', values.servername),
    otherServername: nameOf('--other-servername', values['other-servername']) ?? 'other.invalid',
    alpn,
    addresses,
    credentials: credentialsOf(values),
    insecure: values.insecure ?? false,
    timeout: numberOf('--timeout', values.timeout, 0.1, 120, 'seconds') * 1000 || 5000,
    tries: values.tries === undefined ? undefined : wholeOf('--tries', values.tries, 0, 100),
    json: values.json ?? false,
  }
}

function parsed(args: string[]) {
  try {
    return parseArgs({ args, options, allowPositionals: true })
  } catch (error) {
    // Node's first sentence is the point; the rest is about positional arguments that begin with a dash.
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

function nameOf(option: string, value: string | undefined): string | undefined {
  if (value === undefined || (/^[\x21-\x7e]{1,255}$/.test(value) && !net.isIP(value))) return value
  throw new UsageError(`${option} takes the name of a host, not '${value}'`)
}

function numberOf(option: string, value: string | undefined, min: number, max: number, unit: string): number {
  if (value === undefined) return Number.NaN
  const number = value.trim() === '' ? Number.NaN : Number(value)
  if (number >= min && number <= max) return number
  throw new UsageError(`${option} takes ${unit} from ${min} to ${max}, not '${value}'`)
}

function wholeOf(option: string, value: string, min: number, max: number): number {
  const number = numberOf(option, value, min, max, 'a whole number')
  if (Number.isInteger(number)) return number
  throw new UsageError(`${option} takes a whole number from ${min} to ${max}, not '${value}'`)
}

/** Reads the files, and has OpenSSL look at them before anybody is called. */
function credentialsOf(values: { ca?: string; cert?: string; key?: string }): ProbeOptions['credentials'] {
  if ((values.cert === undefined) !== (values.key === undefined)) {
    throw new UsageError('--cert and --key go together: a client certificate is nothing without its key')
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
      throw new UsageError(`--${name}: '${path}' holds no certificate in PEM`)
    }
  }
  try {
    createSecureContext(credentials)
  } catch (error) {
    const { code, reason, message } = error as NodeJS.ErrnoException & { reason?: string }
    const which = Object.keys(credentials).map(name => `--${name}`)
    throw new UsageError(`OpenSSL does not take ${which.join(', ')}: ${reason ?? message} (${code})`)
  }
  return credentials
}
