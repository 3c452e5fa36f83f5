import { parseArgs } from 'node:util'
import type { Algorithm } from '../../fixtures/certificates.ts'
import { type ModeName, modeNames } from './modes/index.ts'

export interface Options {
  algorithm: Algorithm
  workers: number
  rounds: number
  modes: readonly ModeName[]
  /** Gives one shared SecureContext to the modes that would make one for each connection. */
  shareContexts: boolean
  json: boolean
}

export const help = `Usage: npm start -- [options]

Connects to TLS servers on loopback again and again, from several threads, and compares what the
connections cost without resumption, with a session cache in each thread, and with tls-resumption.

  --algorithm rsa|ecdsa  of the certificates (default rsa, where resuming saves most)
  --workers N            client threads (default 4)
  --rounds N             connections of each thread to each endpoint (default 60)
  --mode NAME            only this one of ${modeNames.join(', ')}; may be repeated
  --share-contexts       give none and per-thread what tls-resumption has of its own: one SecureContext for
                         equal options in each thread, so that only resumption tells them apart
  --json                 one JSON object on stdout instead of tables
  --help

Exits with 1 when a connection failed, when servers and clients count differently, or when a connection
of the mode tls-resumption did a full handshake that it should not have needed.
`

/** A mistake in the command line, to be shown without a stack. */
export class UsageError extends Error {}

/** Returns `undefined` if help was requested. */
export function parseOptions(args: string[]): Options | undefined {
  const { values } = parse(args)
  if (values.help) return undefined
  return {
    algorithm: oneOf('--algorithm', values.algorithm, ['rsa', 'ecdsa']),
    workers: integer('--workers', values.workers, 64),
    rounds: integer('--rounds', values.rounds, 100_000),
    // In the order of the comparison, not of the flags.
    modes: values.mode
      ? modeNames.filter(name =>
          new Set(values.mode?.map(mode => oneOf('--mode', mode, modeNames))).has(name),
        )
      : modeNames,
    shareContexts: values['share-contexts'],
    json: values.json,
  }
}

function parse(args: string[]) {
  try {
    return parseArgs({
      args,
      options: {
        algorithm: { type: 'string', default: 'rsa' },
        workers: { type: 'string', default: '4' },
        rounds: { type: 'string', default: '60' },
        mode: { type: 'string', multiple: true },
        'share-contexts': { type: 'boolean', default: false },
        json: { type: 'boolean', default: false },
        help: { type: 'boolean', default: false },
      },
    })
  } catch (error) {
    throw new UsageError((error as Error).message)
  }
}

function oneOf<Value extends string>(flag: string, value: string, allowed: readonly Value[]): Value {
  const found = allowed.find(candidate => candidate === value)
  if (found === undefined) throw new UsageError(`${flag} must be one of ${allowed.join(', ')}, not ${value}`)
  return found
}

function integer(flag: string, value: string, max: number): number {
  const number = Number(value)
  if (!/^\d+$/.test(value) || number < 1 || number > max) {
    throw new UsageError(`${flag} must be an integer from 1 to ${max}, not ${value}`)
  }
  return number
}
