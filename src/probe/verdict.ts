import type { PeerFindings, VersionFindings } from './findings.js'

/** Returns `TLS 1.3` for `TLSv1.3`. */
export function titleOf(version: string): string {
  return version.replace('v', ' ')
}

/** Summarizes the findings in a sentence without the name of the peer. */
export function verdictOf({
  peer,
  versions,
  error,
}: Pick<PeerFindings, 'peer' | 'versions' | 'error'>): string {
  const [newest, ...older] = versions
  if (newest === undefined) return `could not be probed: ${error?.message}`
  const differing = older.filter(({ resumes }) => resumes !== newest.resumes)
  const others = differing.map(
    ({ version, resumes }) => `${titleOf(version)} ${resumes ? 'does' : 'does not'}`,
  )
  const sentence = newest.resumes ? resuming(newest) : refusing(newest, peer)
  return [`${older.length > 0 ? '' : `only ${titleOf(newest.version)}: `}${sentence}`, ...others].join('; ')
}

function resuming({ version, by, sessions, renewed = 0, reuse, taken }: VersionFindings): string {
  if (taken.resumed < taken.offered) {
    return `resumes sometimes: it accepted ${taken.resumed} of ${taken.offered} unused sessions; several servers behind the address may not share keys`
  }
  const isTls13 = version === 'TLSv1.3'
  const what = isTls13
    ? `${sessions} ${plural('ticket', sessions)}`
    : by === 'ticket'
      ? 'a ticket'
      : 'a session ID'
  const once = reuse === 'full' ? `${sessions > 1 ? 'each ' : ''}accepted once, ` : ''
  const next = ordinal(sessions + 1)
  if (isTls13 && renewed > 0) {
    return `resumes; ${what}, ${once}renewed at each resumption: only the first connection is a full handshake`
  }
  if (reuse === 'full') {
    return renewed > 0
      ? `resumes; ${what}, accepted once, renewed at each resumption: only the first connection is a full handshake`
      : `resumes; ${what}, ${once}not renewed: every ${next} connection is a full handshake`
  }
  return isTls13
    ? `resumes; ${what}, not renewed: with single use every ${next} connection is a full handshake`
    : `resumes; ${what}, accepted repeatedly: only the first connection is a full handshake`
}

function refusing({ version, refusal, breaks }: VersionFindings, peer: string): string {
  const sessions = version === 'TLSv1.3' ? 'tickets' : 'sessions'
  switch (refusal) {
    case 'lifetime-zero':
      return 'does not resume: its tickets have a lifetime of 0, so clients must not use them'
    case 'refused':
      return `does not resume: it sends ${sessions} and accepts none of them`
    case 'breaks':
      return `fails when a session is offered (${breaks}): exclude it by TLS_RESUMPTION_EXCLUDE=${peer}`
    default:
      return `does not resume: it sends ${version === 'TLSv1.3' ? 'no tickets' : 'neither tickets nor session IDs'}`
  }
}

function plural(noun: string, count: number): string {
  return count === 1 ? noun : `${noun}s`
}

function ordinal(number: number): string {
  const words = [
    '',
    'first',
    'second',
    'third',
    'fourth',
    'fifth',
    'sixth',
    'seventh',
    'eighth',
    'ninth',
    'tenth',
  ]
  return words[number] ?? `${number}th`
}
