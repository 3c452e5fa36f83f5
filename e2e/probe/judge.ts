import type { Contact, PeerFindings } from '../../dist/probe/findings.js'
import type { Handshake } from '../drivers/handshake.ts'
import type { Captured } from './capture.ts'
import type { ProbedServer } from './servers.ts'

/** Returns the errors in what the probe reports of a server. */
export function faults(
  server: ProbedServer,
  findings: PeerFindings,
  wire: readonly Handshake[],
  captured: readonly Captured[] | undefined,
): string[] {
  const { versions, contacts, error } = findings
  if (error) return [`it could not be probed: ${error.message}`]
  const faults = versions.flatMap(found => {
    const known = server[found.version]
    const { resumes, sessions, renewed } = found
    const told = { resumes, sessions, ...(known.renewed === undefined ? {} : { renewed }) }
    const [is, was] = [JSON.stringify(told), JSON.stringify(known)]
    return is === was ? [] : [`${found.version}: it is known for ${was}, and the probe says ${is}`]
  })
  if (versions.length !== 2) faults.push(`it was probed in ${versions.length} versions of TLS`)
  faults.push(...comparison(contacts, wire))
  if (captured) faults.push(...comparisonWithCapture(findings, captured))
  return faults
}

/** Compares every connection that the probe reports with the one on the wire. */
function comparison(contacts: readonly Contact[], wire: readonly Handshake[]): string[] {
  const told = contacts.map(({ version, offered, resumed }) => ({ offered, resumed, protocol: version }))
  const [one, other] = [told, wire].map(list => list.map(inShort).join(' ')) as [string, string]
  return one === other ? [] : [`the probe reports\n      ${one}\n    and on the wire were\n      ${other}`]
}

/** `3:oR`: TLS 1.3, a session was offered, and it resumed. */
function inShort({ protocol, offered, resumed }: Handshake): string {
  return `${protocol.at(-1)}:${offered ? 'o' : '-'}${resumed ? 'R' : 'F'}`
}

/** Compares tickets and their lifetimes with decrypted packets. Node does not report renewed TLS 1.2 tickets. */
function comparisonWithCapture(
  { contacts, versions }: PeerFindings,
  captured: readonly Captured[],
): string[] {
  if (captured.length !== contacts.length) {
    return [`the capture has ${captured.length} connections of ${contacts.length}`]
  }
  return contacts.flatMap(({ version, purpose, sessions, error }, index) => {
    const { tickets, lifetimes } = captured[index] ?? { tickets: -1, lifetimes: [] }
    const found = versions.find(found => found.version === version)
    // By ID: there is a session without a ticket.
    const expected = purpose === 'session-id' || found?.by === 'session-id' ? 0 : sessions
    const hint = found?.lifetimeHintSeconds
    // A renewed session may live as long as the one it replaces.
    const wrong = purpose === 'first' ? lifetimes.filter(lifetime => lifetime !== hint) : []
    return [
      ...(error == null && tickets === expected
        ? []
        : [
            `connection ${index + 1}, ${purpose}: ${error ?? `${sessions} sessions, in the capture ${tickets}`}`,
          ]),
      ...(wrong.length > 0 ? [`connection ${index + 1}: lifetimes of ${wrong}, not ${hint}`] : []),
    ]
  })
}
