/** `tls-resumption cache FILE`: shows what a cache in a file holds, purges it, or removes it. It never shows a secret. */
import { closeSync, constants, openSync, readdirSync, readSync, unlinkSync } from 'node:fs'
import { basename, dirname, join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { SessionCache } from '../cache/session-cache.js'
import { purge } from '../client/purge.js'
import { describe, toText } from './describe.js'

export const CACHE_HELP = `Usage: tls-resumption cache FILE [--purge [HOST]] [--remove] [--json]

Shows what a cache in a file holds, as new SessionCache({ path: FILE }) makes it: counts, sizes, ages and processes, and of
ticket keys how many there are and when they rotate. It never shows a session or a key.

  --purge         Purge all peers: each next connection is a full handshake, in all processes.
  --purge HOST    Purge one host.
  --remove        Wipe the sessions and remove the file. Processes that use it make another one.
  --json          Print JSON.

Exit codes: 0 done; 2 the command line is invalid; 3 there is no such file, or it cannot be used.
`

const USAGE = 2
const UNUSABLE = 3

const MAGIC = 'tlsresum'
const SESSIONS_MAGIC = 'tlsresse'
/** Where the header says which side the sessions belong to, in bytes. */
const KIND_OFFSET = 48
const HEADER_BYTES = KIND_OFFSET + 8
const SERVERS = 2n

/** Runs the command with the arguments after `cache`. Returns the exit code. */
export function cacheCommand(args: string[]): number {
  const given = parse(args)
  if (typeof given === 'string') return fail(USAGE, `${given}\nSee: tls-resumption cache --help`)
  if (given.help) return print(CACHE_HELP)
  const path = resolve(given.file)
  try {
    const serves = kindOf(path)
    if (serves === undefined) return fail(UNUSABLE, `There is no cache in ${path}`)
    const cache = new SessionCache({ path, serves })
    if (given.purge !== undefined) purge(given.purge === '' ? {} : { host: given.purge })
    if (given.remove) return remove(cache, path)
    const description = describe(path, serves)
    return print(given.json ? `${JSON.stringify(description, null, 2)}\n` : toText(description))
  } catch (error) {
    return fail(UNUSABLE, (error as Error).message)
  }
}

interface Given {
  file: string
  /** The host to purge, or an empty text for all. */
  purge: string | undefined
  remove: boolean
  json: boolean
  help: boolean
}

/** Returns what is wrong with the arguments as text. */
function parse(args: string[]): Given | string {
  // The host after --purge may be left out, which `parseArgs` does not know.
  const at = args.indexOf('--purge')
  const next = args[at + 1]
  const hasHost = at >= 0 && next !== undefined && !next.startsWith('-') && isFileElsewhere(args, at + 1)
  const rest = at < 0 ? args : args.filter((_, index) => index !== at && !(hasHost && index === at + 1))
  try {
    const { values, positionals } = parseArgs({
      args: rest,
      allowPositionals: true,
      options: {
        remove: { type: 'boolean', default: false },
        json: { type: 'boolean', default: false },
        help: { type: 'boolean', short: 'h', default: false },
      },
    })
    const [file, more] = positionals
    if (!values.help && file === undefined) return 'A file is missing: tls-resumption cache FILE'
    if (more !== undefined) return `There is one file too many: ${more}`
    const purged = at < 0 ? undefined : hasHost ? next : ''
    return { file: file ?? '', purge: purged, ...values }
  } catch (error) {
    return (error as Error).message
  }
}

/** True if another argument than this one names the file. */
function isFileElsewhere(args: readonly string[], at: number): boolean {
  return args.some((arg, index) => index !== at && !arg.startsWith('-'))
}

/** Returns which side the file serves. Undefined if there is no file. */
function kindOf(path: string): 'clients' | 'servers' | undefined {
  const header = readHeader(path)
  if (header === undefined) return undefined
  if (header.length < HEADER_BYTES || header.toString('latin1', 0, MAGIC.length) !== MAGIC) {
    throw new Error(`${path} is no cache of tls-resumption`)
  }
  return header.readBigUInt64LE(KIND_OFFSET) === SERVERS ? 'servers' : 'clients'
}

/** True if it is a file of sessions. */
function hasSessions(path: string): boolean {
  return readHeader(path)?.toString('latin1', 0, SESSIONS_MAGIC.length) === SESSIONS_MAGIC
}

/** Returns the first bytes. Undefined if there is no file. Opens nothing that blocks. */
function readHeader(path: string): Buffer | undefined {
  let file: number
  try {
    file = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOFOLLOW)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
  try {
    const header = Buffer.alloc(HEADER_BYTES)
    return header.subarray(0, readSync(file, header, 0, header.length, 0))
  } finally {
    closeSync(file)
  }
}

/** Wipes the sessions, and removes the files: those of other versions of the layout, too. */
function remove(cache: SessionCache, path: string): number {
  cache.clear()
  const isSessionFile = (name: string) => name.startsWith(`${basename(path)}.v`) && /\.v\d+$/.test(name)
  const folder = dirname(path)
  const others = readdirSync(folder).filter(isSessionFile)
  const files = [path, ...others.map(name => join(folder, name)).filter(hasSessions)]
  for (const file of files) unlinkSync(file)
  return print(`Removed ${files.join(' and ')}\n`)
}

function print(text: string): number {
  process.stdout.write(text)
  return 0
}

function fail(code: number, sentence: string): number {
  process.stderr.write(`tls-resumption: ${sentence}\n`)
  return code
}
