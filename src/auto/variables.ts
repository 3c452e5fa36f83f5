/** The environment variables of `tls-resumption/auto`: their names, and what a wrong one might mean. Loads no addon. */
import * as log from '../util/log.js'
import { similar, similarTo } from '../util/validate.js'

export type Environment = Readonly<Record<string, string | undefined>>

const PREFIX = 'TLS_RESUMPTION'
/** A name with one mistake has one of these: this keeps the comparison of all variables out of each start. */
const PARTS = ['TLS', 'RESUM', 'PTION']
/** Variables of the package's own tests begin with it. */
const TEST_PREFIX = `${PREFIX}_TEST_`

const NAMES: readonly string[] = [
  PREFIX,
  ...[
    'ADDON',
    'COALESCE',
    'EXCLUDE',
    'INCLUDE',
    'MAX',
    'MAX_AGE',
    'MAX_LOCKED',
    'MAX_SIZE',
    'PATH',
    'SAMPLE_RATE',
    'SINGLE_USE',
    'TTL',
  ].map(name => `${PREFIX}_${name}`),
]

const OFF: readonly string[] = ['off', '0', 'false', 'no', 'disabled']
const ON: readonly string[] = ['on', '1', 'true', 'yes', 'enabled', '']

/**
 * Returns the environment variables. In its cluster mode pm2 sets those of the program only after the modules of
 * `--import` were loaded. Until then they are in one variable, as JSON.
 */
export function readEnvironment(): Environment {
  const { pm2_env: pm2 } = process.env
  if (pm2 === undefined) return process.env
  try {
    const values = Object.entries(JSON.parse(pm2)).map(([name, value]) => [name, String(value)])
    return { ...process.env, ...Object.fromEntries(values) }
  } catch {
    return process.env
  }
}

/** True if `TLS_RESUMPTION` disables the package. */
export function isSwitchedOff(environment: Environment): boolean {
  return OFF.includes(readSwitch(environment))
}

/** Warns of a value of `TLS_RESUMPTION` that means neither on nor off. The package is on then. */
export function checkSwitch(environment: Environment): void {
  const value = readSwitch(environment)
  if (ON.includes(value) || OFF.includes(value)) return
  const guess = [...OFF, ...ON].find(known => known.length > 1 && similar(known, value))
  const hint = guess ? `Did you mean '${guess}'?` : `Set it to 'off' to disable tls-resumption.`
  warn(`${PREFIX} must be 'on' or 'off', not '${value}', so connections resume. ${hint}`)
}

function readSwitch(environment: Environment): string {
  return (environment[PREFIX] ?? '').trim().toLowerCase()
}

/** Warns of each variable that looks like one of the package's and is none. */
export function checkNames(environment: Environment): void {
  for (const given of Object.keys(environment)) {
    // Windows ignores the case of names.
    const name = process.platform === 'win32' ? given.toUpperCase() : given
    const upper = name.toUpperCase()
    if (!PARTS.some(part => upper.includes(part))) continue
    if (NAMES.includes(name) || name.startsWith(TEST_PREFIX)) continue
    const guess = NAMES.find(similarTo(name))
    if (guess === undefined && !upper.startsWith(`${PREFIX}_`)) continue
    const hint = guess ? `Did you mean ${guess}?` : `The variables are ${NAMES.join(', ')}.`
    warn(`${given} is ignored, since there is no such variable. ${hint}`)
  }
}

/** Warns once, not in each thread. */
export function warn(message: string): void {
  log.warnOnce('ENVIRONMENT', `tls-resumption/auto: ${message}`)
}
