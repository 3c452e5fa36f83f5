import type { ProbeOptions } from './args.js'
import { Examination, estimate } from './examination.js'
import { alertOf, explain, Failure } from './failures.js'
import type { PeerFindings, Purpose } from './findings.js'
import { addressesOf, type Peer } from './target.js'
import { titleOf, verdictOf } from './verdict.js'

/** Handshakes of each kind that are timed unless the command line says otherwise. */
export const TRIES = 5
/** MySQL and MariaDB count connections that do not log in, and may refuse a host that has made too many. */
const TRIES_OF_MYSQL = 3

const DOING: Readonly<Record<Purpose, string>> = {
  first: 'a full handshake',
  resume: 'resuming',
  reuse: 'offering a session once more',
  check: 'looking whether it is well without a session',
  servername: 'offering a session under another server name',
  alpn: 'offering a session under another protocol',
  'session-id': 'resuming by session id',
  address: 'offering a session at another address',
  timing: 'timing',
  session: 'getting a session',
}

/** Probes a peer; what goes wrong is among the findings. */
export async function probe(
  peer: Peer,
  options: ProbeOptions,
  show: (doing: string) => void,
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
    show(`${name}: looking up its addresses`)
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
      `It counts these ${findings.contacts.length} connections as errors of this host, and refuses a host with too many ` +
        '(max_connect_errors) until one has logged in, or FLUSH HOSTS',
    )
  }
  return findings
}

/** Each version at the first address that answers. @throws Failure where there is none, or no version. */
async function examineAll(
  peer: Peer,
  options: ProbeOptions,
  findings: PeerFindings,
  show: (doing: string) => void,
): Promise<void> {
  const { addresses, contacts, versions, notSpoken } = findings
  const tries = options.tries ?? (peer.startTls === 'mysql' ? TRIES_OF_MYSQL : TRIES)
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
            `${peer.name}: ${titleOf(version)}, ${DOING[purpose]}, ${contacts.length + 1} of about ${expected}`,
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
        // The next address can be better where there was no connection; the next version where there was no handshake.
        if (failure.stage === 'connecting' && address !== addresses.at(-1)) continue
        if (failure.isFinal) throw failure
        findings.address = address
        notSpoken.push({ version, error: failure.message })
        break
      }
    }
  }
  if (versions.length === 0) throw inCommon(failures)
}

/** The first that says more than that a version is not spoken. */
function inCommon(failures: readonly Failure[]): Failure {
  const last = failures.at(-1) ?? new Failure('nothing was tried', 'handshake', 'NOTHING')
  return failures.find(({ code }) => alertOf(code) !== 'PROTOCOL_VERSION') ?? last
}

function notesOn(peer: Peer, { insecure }: ProbeOptions): string[] {
  return [
    ...(peer.isGuessed
      ? [`STARTTLS of ${peer.startTls} follows from the port; --starttls none does without`]
      : []),
    ...(insecure
      ? ['Nobody was verified (--insecure): these findings, and the figures, may be of somebody in between']
      : []),
  ]
}
