import { type CodedError, coded } from '../util/errors.js'

export function sealingKeyRefused(reason: string): CodedError {
  return coded(new Error(`A sealing key was refused: ${reason}`), 'ERR_TLS_RESUMPTION_SEALING_KEY')
}

/** The error of a request to a store whose client is not connected. */
export function storeUnavailable(): CodedError {
  return coded(new Error('There is no connection to the store'), 'ERR_TLS_RESUMPTION_STORE')
}

/** The error of a request that got no answer in time, or an answer of an unexpected form. */
export function storeSilent(): CodedError {
  return coded(new Error('The store gave no answer'), 'ERR_TLS_RESUMPTION_STORE')
}

/** The error of a Redis client that is too old for a command. */
export function unknownCommand(command: string): CodedError {
  return coded(new Error(`The client has no command ${command}`), 'ERR_TLS_RESUMPTION_STORE')
}
