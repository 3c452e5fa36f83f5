import type { ProbeOptions } from './args.js'
import { Examination, estimate } from './examination.js'
import { alertOf, explain, Failure } from './failures.js'
import type { PeerFindings, Purpose } from './findings.js'
import { addressesOf, type Peer } from './target.js'
import { titleOf, verdictOf } from './verdict.js'

/** The default number of timed handshakes of each kind. */
const DEFAULT_TRIES = 5
/** MySQL and MariaDB block a host after too many connections that do not log in. */
const MYSQL_TRIES = 3

const STEP_NAMES: Readonly<Record<Purpose, string>> = {
  first: 'a full handshake',
  resume: 'resuming',
  reuse: 'offering a session a second time',
  check: 'checking a full handshake',
  servername: 'offering a session under another server name',
  alpn: 'offering a session under another protocol',
  'session-id': 'resuming by session ID',
  address: 'offering a session at another address',
  timing: 'timing',
  session: 'getting a session',
}

/** Probes a peer. Never rejects: a failure is part of the findings. `show` receives each step. */
export async function probe(
  peer: Peer,
  options: ProbeOptions,
  show: (step: string) => void,
): Promise<PeerFindings> {
  const { host, port, startTls, name } = peer
  const findings: PeerFindings = {
    peer: name,
    host,
    port,
    startTls,
    addresses: [],
    address: undefined,
    versions: [],
    notSpoken: [],
    contacts: [],
    error: undefined,
    resumes: undefined,
    verdict: '',
    notes: notesOn(peer, options),
  }
  try {
    show(`${name}: resolving its name`)
    findings.addresses =
      options.addresses.length > 0 ? options.addresses : await addressesOf(host, options.timeout)
    await examineAll(peer, options, findings, show)
  } catch (error) {
    const { code, message } = explain(error, 'connecting')
    findings.error = { code, message }
  }
  findings.resumes = findings.versions[0]?.resumes
  findings.verdict = verdictOf(findings)
  if (startTls === 'mysql' && findings.contacts.length > 0) {
    findings.notes.push(
      `The server counts these ${findings.contacts.length} connections as errors of this host. It blocks a host with too ` +
        'many errors (max_connect_errors) until a login from it or FLUSH HOSTS',
    )
  }
  return findings
}

/**
 * Examines each version at the first address that answers.
 * @throws Failure if no address answers or no version is supported
 */
async function examineAll(
  peer: Peer,
  options: ProbeOptions,
  findings: PeerFindings,
  show: (step: string) => void,
): Promise<void> {
  const { addresses, contacts, versions, notSpoken } = findings
  const tries = options.tries ?? (peer.startTls === 'mysql' ? MYSQL_TRIES : DEFAULT_TRIES)
  const expected = estimate(options.versions, addresses.length, tries)
  const failures: Failure[] = []
  for (const version of options.versions) {
    for (const address of findings.address ? [findings.address] : addresses) {
      const examination = new Examination({
        peer,
        options,
        version,
        addresses,
        address,
        tries,
        begins: purpose =>
          show(
            `${peer.name}: ${titleOf(version)}, ${STEP_NAMES[purpose]}, ${contacts.length + 1} of about ${expected}`,
          ),
        made: contact => contacts.push(contact),
      })
      try {
        const found = await examination.run()
        findings.address = address
        versions.push(found)
        break
      } catch (error) {
        const failure = explain(error, 'handshake')
        failures.push(failure)
        // After a failed connection the next address may work, and after a failed handshake the next version.
        if (failure.stage === 'connecting' && address !== addresses.at(-1)) continue
        if (failure.isFinal) throw failure
        findings.address = address
        notSpoken.push({ version, error: failure.message })
        break
      }
    }
  }
  if (versions.length === 0) throw mostSpecific(failures)
}

/** Returns the first failure that is not only an unsupported version. */
function mostSpecific(failures: readonly Failure[]): Failure {
  const last = failures.at(-1) ?? new Failure('nothing was tried', 'handshake', 'NOTHING')
  return failures.find(({ code }) => alertOf(code) !== 'PROTOCOL_VERSION') ?? last
}

function notesOn(peer: Peer, { insecure }: ProbeOptions): string[] {
  return [
    ...(peer.isGuessed
      ? [`STARTTLS of ${peer.startTls} was chosen by the port; --starttls none disables it`]
      : []),
    ...(insecure
      ? ['The peer was not verified (--insecure): the findings may be those of an attacker on the path']
      : []),
  ]
}
