import { type CodedError, coded } from '../util/errors.js'

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

/** The error of methods that change a ring whose keys come from a `KeySource`. */
export function keysAreGiven(): CodedError {
  return coded(new Error('The keys of this ring come only from its source'), 'ERR_TLS_RESUMPTION_TICKET_KEY')
}

/** The error of a revocation that the other workers of a cluster did not confirm. */
export function revocationIncomplete(): CodedError {
  return coded(
    new Error(
      'The sessions were revoked in this process only: the primary of the cluster does not answer. Load tls-resumption ' +
        'in the primary, give the servers a "tier", or call revokeSessions() in each worker',
    ),
    'ERR_TLS_RESUMPTION_REVOCATION',
  )
}

/** The error of a revocation at a server that this package does not resume connections of. */
export function serverNotBound(): CodedError {
  return coded(
    new Error(
      'The server uses neither resumeSessions() nor a TicketKeys, so there are no sessions to revoke',
    ),
    'ERR_TLS_RESUMPTION_REVOCATION',
  )
}
