import { types } from 'node:util'

/** The codes of this package's own errors; the others are Node's. */
export type ErrorCode =
  | 'ERR_INVALID_ARG_TYPE'
  | 'ERR_OUT_OF_RANGE'
  | 'ERR_TLS_RESUMPTION_ADDON'
  | 'ERR_TLS_RESUMPTION_DISPOSED'
  | 'ERR_TLS_RESUMPTION_METRICS'
  | 'ERR_TLS_RESUMPTION_NAME_CONFLICT'
  | 'ERR_TLS_RESUMPTION_NO_MEMORY'
  | 'ERR_TLS_RESUMPTION_SEALING_KEY'
  | 'ERR_TLS_RESUMPTION_SERVER_IN_USE'
  | 'ERR_TLS_RESUMPTION_STORE'
  | 'ERR_TLS_RESUMPTION_TICKET_KEY'
  | 'ERR_TLS_RESUMPTION_UNKNOWN_OPTION'

/** An error that programs can tell by its code. */
export type CodedError<Base extends Error = Error> = Base & { code: ErrorCode }

/** An error with a code, shown as Node shows its own: `RangeError [ERR_OUT_OF_RANGE]: …`. */
function coded<Base extends Error>(error: Base, code: ErrorCode): CodedError<Base> {
  const { stack, name } = error
  Object.defineProperty(error, 'code', { value: code, enumerable: true, writable: true, configurable: true })
  Object.defineProperty(error, 'stack', {
    value: stack?.replace(name, `${name} [${code}]`),
    writable: true,
    configurable: true,
  })
  return error as CodedError<Base>
}

/** What came, without showing what could be a secret: objects by their kind alone. */
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
    return 'an object' // whose getters throw
  }
}

export function invalidArgType(name: string, expected: string, actual: unknown): CodedError<TypeError> {
  return coded(
    new TypeError(`The ${name} must be ${expected}. Received ${received(actual)}`),
    'ERR_INVALID_ARG_TYPE',
  )
}

/** The same for what should have been a secret: it is told by its type alone. */
export function invalidSecretType(name: string, expected: string, actual: unknown): CodedError<TypeError> {
  return invalidArgType(name, expected, typeof actual === 'string' ? Object(actual) : actual)
}

export function outOfRange(name: string, expected: string, actual: unknown): CodedError<RangeError> {
  return coded(
    new RangeError(`The ${name} is out of range: it must be ${expected}. Received ${String(actual)}`),
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

export function noMemory(cause: unknown): CodedError {
  const reason = cause instanceof Error ? cause.message : String(cause)
  return coded(new Error(`The cache could not be made: ${reason}`, { cause }), 'ERR_TLS_RESUMPTION_NO_MEMORY')
}

export function disposed(what: string): CodedError {
  return coded(new Error(`The ${what} has been disposed of`), 'ERR_TLS_RESUMPTION_DISPOSED')
}

export function addonUnavailable(reason: string, cause: unknown): CodedError {
  return coded(
    new Error(`The native addon of tls-resumption could not be loaded: ${reason}`, { cause }),
    'ERR_TLS_RESUMPTION_ADDON',
  )
}

export function serverInUse(event: string): CodedError {
  return coded(
    new Error(
      `The server already has a listener for '${event}'; each session event must be answered exactly once`,
    ),
    'ERR_TLS_RESUMPTION_SERVER_IN_USE',
  )
}

export function serverHasKeys(): CodedError {
  return coded(
    new Error('The server already takes its ticket keys from a TicketKeys'),
    'ERR_TLS_RESUMPTION_SERVER_IN_USE',
  )
}

export function ticketKeyRefused(reason: string): CodedError {
  return coded(new Error(`A ticket key was refused: ${reason}`), 'ERR_TLS_RESUMPTION_TICKET_KEY')
}

/** For what a ring does not do whose keys are given. */
export function keysAreGiven(): CodedError {
  return coded(new Error('The keys of this ring come from its source alone'), 'ERR_TLS_RESUMPTION_TICKET_KEY')
}

export function sealingKeyRefused(reason: string): CodedError {
  return coded(new Error(`A sealing key was refused: ${reason}`), 'ERR_TLS_RESUMPTION_SEALING_KEY')
}

/** For whoever waits for a store that has no connection. */
export function storeUnavailable(): CodedError {
  return coded(new Error('There is no connection to the store'), 'ERR_TLS_RESUMPTION_STORE')
}

/** For whoever waits for a store that does not answer, or not sensibly. */
export function storeSilent(): CodedError {
  return coded(new Error('The store gave no answer'), 'ERR_TLS_RESUMPTION_STORE')
}

/** For a client that is too old to have it. */
export function unknownCommand(command: string): CodedError {
  return coded(new Error(`The client has no command ${command}`), 'ERR_TLS_RESUMPTION_STORE')
}

/** For a package that is only wanted by who uses it, and not there. */
export function metricsNeed(name: string, cause: unknown): CodedError {
  return coded(
    new Error(`tls-resumption/metrics needs the package ${name}: npm install ${name}`, { cause }),
    'ERR_TLS_RESUMPTION_METRICS',
  )
}
