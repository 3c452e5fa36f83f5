import { types } from 'node:util'

/** The values of `code` that errors of this package have. The first two are also codes of Node.js. */
export type ErrorCode =
  | 'ERR_INVALID_ARG_TYPE'
  | 'ERR_OUT_OF_RANGE'
  | 'ERR_TLS_RESUMPTION_ADDON'
  | 'ERR_TLS_RESUMPTION_DISPOSED'
  | 'ERR_TLS_RESUMPTION_FILE'
  | 'ERR_TLS_RESUMPTION_METRICS'
  | 'ERR_TLS_RESUMPTION_NAME_CONFLICT'
  | 'ERR_TLS_RESUMPTION_NO_MEMORY'
  | 'ERR_TLS_RESUMPTION_REVOCATION'
  | 'ERR_TLS_RESUMPTION_SEALING_KEY'
  | 'ERR_TLS_RESUMPTION_SERVER_IN_USE'
  | 'ERR_TLS_RESUMPTION_STORE'
  | 'ERR_TLS_RESUMPTION_TICKET_KEY'
  | 'ERR_TLS_RESUMPTION_UNKNOWN_OPTION'
  | 'ERR_TLS_RESUMPTION_UNSUPPORTED'

/** An error of this package. Programs distinguish errors by `code`, never by the message. */
export type CodedError<Base extends Error = Error> = Base & { code: ErrorCode }

/** Adds a code to an error. Its stack shows the code as Node's errors do: `RangeError [ERR_OUT_OF_RANGE]: …`. */
export function coded<Base extends Error>(error: Base, code: ErrorCode): CodedError<Base> {
  const { stack, name } = error
  Object.defineProperty(error, 'code', { value: code, enumerable: true, writable: true, configurable: true })
  Object.defineProperty(error, 'stack', {
    value: stack?.replace(name, `${name} [${code}]`),
    writable: true,
    configurable: true,
  })
  return error as CodedError<Base>
}

/** Describes a received value. Objects are described by their kind only, since their content could be a secret. */
function received(value: unknown): string {
  if (value === null || value === undefined) return String(value)
  if (typeof value === 'function') return `function ${value.name || '(anonymous)'}`
  if (typeof value === 'object') {
    if (types.isProxy(value)) return 'a Proxy'
    return kindOf(value)
  }
  if (typeof value === 'string') {
    const shown = value.length > 40 ? `${value.slice(0, 40)}…` : value
    return `type string ('${shown}')`
  }
  return `type ${typeof value} (${String(value)})`
}

function kindOf(value: object): string {
  try {
    const kind: unknown = value.constructor
    return typeof kind === 'function' && kind.name ? `an instance of ${kind.name}` : 'an object'
  } catch {
    return 'an object' // Reading `constructor` ran a getter that throws.
  }
}

export function invalidArgType(name: string, expected: string, actual: unknown): CodedError<TypeError> {
  return coded(
    new TypeError(`The ${name} must be ${expected}. Received ${received(actual)}`),
    'ERR_INVALID_ARG_TYPE',
  )
}

/** Does the same for a value that should have been a secret, and never shows a string's content. */
export function invalidSecretType(name: string, expected: string, actual: unknown): CodedError<TypeError> {
  return invalidArgType(name, expected, typeof actual === 'string' ? Object(actual) : actual)
}

export function outOfRange(name: string, expected: string, actual: unknown): CodedError<RangeError> {
  return coded(
    new RangeError(`The ${name} must be ${expected}. Received ${String(actual)}`),
    'ERR_OUT_OF_RANGE',
  )
}

export function unknownOption(
  option: string,
  meant: string | undefined,
  known: readonly string[],
): CodedError {
  const hint = meant ? `did you mean '${meant}'?` : `the options are ${known.join(', ')}`
  return coded(new TypeError(`Unknown option '${option}': ${hint}`), 'ERR_TLS_RESUMPTION_UNKNOWN_OPTION')
}

export function nameConflict(what: string, name: string, contradictions: readonly string[]): CodedError {
  const listed = contradictions.join('; ')
  return coded(
    new Error(`The ${what} '${name}' is open with other options: ${listed}`),
    'ERR_TLS_RESUMPTION_NAME_CONFLICT',
  )
}

export function disposed(what: string): CodedError {
  return coded(new Error(`The ${what} has been disposed of`), 'ERR_TLS_RESUMPTION_DISPOSED')
}
