import tls from 'node:tls'
import { native } from '../native/addon.js'
import { invalidArgType } from '../util/errors.js'
import { serverNotBound } from './errors.js'
import { distributeRevocation } from './revocation-sync.js'
import { generationOf, raiseGeneration } from './revocations.js'
import { bindingOf } from './server-binding.js'

/**
 * Ends all sessions of a server: session IDs and tickets, also Node's own. It does so for all servers of equal identity.
 * These are in all threads, in the workers of a `cluster` whose primary loads this package, and on hosts of one `tier`.
 * From then on each client does a full handshake first, so that its certificate is verified again.
 *
 * In a file it ends all sessions of all servers that share it: it wipes earlier ticket keys, and session IDs.
 *
 * It takes effect in this process at once. Without the store of a `tier` the other hosts follow when the store is back.
 * Open connections stay open. Calling it for one of several servers of equal identity is enough.
 *
 * @returns a promise that resolves when all of them refuse the sessions. It rejects with
 * `ERR_TLS_RESUMPTION_REVOCATION` if the other workers of a cluster cannot be reached, as under pm2. Then call it in each
 * worker, and restart none before the sessions have expired.
 * @throws (rejects with) `ERR_INVALID_ARG_TYPE` for anything but a server, `ERR_TLS_RESUMPTION_REVOCATION` for a server
 * that uses neither {@link resumeSessions} nor {@link TicketKeys}.
 *
 * @example
 * ```ts
 * import tls from 'node:tls'
 * import { resumeSessions, revokeSessions } from 'tls-resumption'
 *
 * const server = tls.createServer()
 * resumeSessions(server)
 * await revokeSessions(server)
 * ```
 */
export async function revokeSessions(server: tls.Server): Promise<void> {
  if (!(server instanceof tls.Server)) {
    throw invalidArgType('"server" argument', 'an instance of tls.Server', server)
  }
  const binding = bindingOf(server)
  if (binding === undefined) throw serverNotBound()
  const { identity, watches } = binding
  const generation = raiseGeneration(identity, generationOf(identity) + 1)
  binding.refresh()
  // The generation of this process ends with it, and a ring in a file does not.
  // @guard shared-file › ticket-ring-file › tickets in a file: after revokeSessions and a restart none is accepted
  native.revokeFiles()
  await Promise.all([
    distributeRevocation(identity, generation),
    ...watches.map(watch => watch.raise(identity)),
  ])
}
