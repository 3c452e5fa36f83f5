import type { PeerFindings, VersionFindings } from './findings.js'

/** `TLS 1.3` for `TLSv1.3`. */
export function titleOf(version: string): string {
  return version.replace('v', ' ')
}

/** What there is to know about the peer, in a sentence without its name. */
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
  return [`${older.length > 0 ? '' : `${titleOf(newest.version)} alone: `}${sentence}`, ...others].join('; ')
}

function resuming({ version, by, sessions, renewed = 0, reuse, taken }: VersionFindings): string {
  if (taken.resumed < taken.offered) {
    return `resumes at times: it took ${taken.resumed} of ${taken.offered} unused sessions, as several servers behind one address do that share no keys`
  }
  const isTls13 = version === 'TLSv1.3'
  const what = isTls13
    ? `${sessions} ${plural('ticket', sessions)}`
    : by === 'ticket'
      ? 'a ticket'
      : 'a session id'
  const once = reuse === 'full' ? `${sessions > 1 ? 'each ' : ''}taken once, ` : ''
  const next = ordinal(sessions + 1)
  if (isTls13 && renewed > 0) {
    return `resumes; ${what}, ${once}renewed by each resumption: only the first connection need be full`
  }
  if (reuse === 'full') {
    return renewed > 0
      ? `resumes; ${what}, taken once, renewed by each resumption: only the first connection need be full`
      : `resumes; ${what}, ${once}not renewed: every ${next} connection is full`
  }
  return isTls13
    ? `resumes; ${what}, not renewed: with single use every ${next} connection is full`
    : `resumes; ${what}, taken again and again: only the first connection need be full`
}

function refusing({ version, refusal, breaks }: VersionFindings, peer: string): string {
  const sessions = version === 'TLSv1.3' ? 'tickets' : 'sessions'
  switch (refusal) {
    case 'lifetime-zero':
      return 'does not resume: its tickets have a lifetime of 0, so they are to be thrown away'
    case 'refused':
      return `does not resume: it hands out ${sessions}, and takes none of them`
    case 'breaks':
      return `breaks when a session is offered (${breaks}): leave it alone, TLS_RESUMPTION_EXCLUDE=${peer}`
    default:
      return `does not resume: it hands out ${version === 'TLSv1.3' ? 'no tickets' : 'neither tickets nor session ids'}`
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
