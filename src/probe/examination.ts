import { constants } from 'node:crypto'
import net from 'node:net'
import { createSecureContext, type SecureContext } from 'node:tls'
import { native } from '../native/addon.js'
import type { ProbeOptions } from './args.js'
import { explain, Failure } from './failures.js'
import type { Contact, Elsewhere, Purpose, Timing, VersionFindings } from './findings.js'
import { type Call, type Meeting, meet, type Version } from './handshake.js'
import { spread } from './statistics.js'
import type { Peer } from './target.js'

/** A peer that takes some sessions only is tried so often before it counts as one that takes none. */
const ATTEMPTS = 3
/** Other addresses that are tried. */
export const MAX_ADDRESSES = 4
/** Where HTTP is at home, and servers know two protocols to choose from. */
const HTTPS = [443, 8443]

export interface Assignment {
  peer: Peer
  options: ProbeOptions
  version: Version
  /** All of the peer's. */
  addresses: readonly string[]
  /** The one of them that is probed. */
  address: string
  tries: number
  /** Told of each connection that is about to be made. */
  begins(purpose: Purpose): void
  /** Told of each that was made. */
  made(contact: Contact): void
}

/** Everything about one version of TLS, by one connection after the other. */
export class Examination {
  readonly #assignment: Assignment
  readonly #context: SecureContext
  readonly #alpn: readonly string[]
  /** Not yet offered; newest last. */
  readonly #unused: Buffer[] = []
  #perFull: number | undefined
  #perResumed: number | undefined

  constructor(assignment: Assignment) {
    this.#assignment = assignment
    this.#context = this.#makeContext(assignment.options.credentials)
    const [first] = alpnOf(assignment)
    this.#alpn = first === undefined ? [] : [first]
  }

  /**
   * The findings, where the peer speaks this version.
   * @throws Failure where there is no handshake at all
   */
  async run(): Promise<VersionFindings> {
    const { version } = this.#assignment
    const first = await this.#full('first')
    const [session] = first.sessions
    const described = session && native.sessionDescription(session)
    const byTicket = (described?.ticketLength ?? 0) > 0
    const findings: VersionFindings = {
      version,
      cipher: first.cipher,
      alpn: first.alpn,
      resumes: false,
      refusal: undefined,
      breaks: undefined,
      by: described ? (byTicket ? 'ticket' : 'session-id') : undefined,
      byIdToo: undefined,
      sessions: first.sessions.length,
      renewed: undefined,
      size: (byTicket ? described?.ticketLength : described?.idLength) || undefined,
      lifetimeHint: described?.lifetimeHint || (version === 'TLSv1.3' ? described?.lifetimeHint : undefined),
      reuse: undefined,
      underOtherName: undefined,
      underOtherAlpn: undefined,
      atOtherAddresses: [],
      taken: { offered: 0, resumed: 0 },
      timing: undefined,
      incomplete: undefined,
    }
    if (this.#unused.length === 0) {
      findings.refusal = first.sessions.length > 0 ? 'lifetime-zero' : 'no-session'
    } else {
      await this.#resume(findings).catch(stopped)
    }
    if (byTicket && version === 'TLSv1.2') findings.byIdToo = await this.#resumesById()
    if (findings.resumes) {
      try {
        await this.#lookFurther(findings)
      } catch (error) {
        findings.incomplete = explain(error, 'handshake').message
      }
    }
    return findings
  }

  /** Whether an unused session is taken at all, and a used one again. */
  async #resume(findings: VersionFindings): Promise<void> {
    for (let attempt = 0, broken = 0; attempt < ATTEMPTS && broken < 2 && !findings.resumes; attempt++) {
      const session = await this.#fresh()
      try {
        const meeting = await this.#offer('resume', session)
        findings.taken.offered++
        if (!meeting.resumed) continue
        findings.taken.resumed++
        findings.resumes = true
        findings.renewed = meeting.sessions.length
        findings.reuse = (await this.#offer('reuse', session)).resumed ? 'resumed' : 'full'
      } catch (error) {
        // By chance, or because of the session? A peer that is fine without one broke because of it.
        const failure = explain(error, 'handshake')
        await this.#full('check')
        findings.breaks = failure.message
        broken++
      }
    }
    if (findings.resumes && findings.reuse === undefined) findings.reuse = 'full'
    if (!findings.resumes) findings.refusal = findings.breaks === undefined ? 'refused' : 'breaks'
  }

  async #lookFurther(findings: VersionFindings): Promise<void> {
    const { addresses, address, tries } = this.#assignment
    findings.underOtherName = await this.#underOtherName()
    const [, other] = alpnOf(this.#assignment)
    if (findings.alpn !== undefined) {
      findings.underOtherAlpn = await this.#elsewhere('alpn', { alpn: other === undefined ? [] : [other] })
    }
    for (const elsewhere of addresses.filter(one => one !== address).slice(0, MAX_ADDRESSES)) {
      const outcome = await this.#elsewhere('address', { address: elsewhere })
      findings.atOtherAddresses.push({ address: elsewhere, ...outcome })
    }
    if (tries > 0) findings.timing = await this.#time(findings, tries)
  }

  /**
   * Under another name nothing is verified: all that counts is whether the session is taken, and whoever takes it has
   * shown thereby that it is who was verified before. It is shown no client certificate, and told nothing.
   */
  async #underOtherName(): Promise<Elsewhere> {
    const { ca } = this.#assignment.options.credentials
    return this.#elsewhere('servername', {
      servername: this.#assignment.options.otherServername,
      // @guard probe › probe-findings › whoever answers under another name is shown no client certificate
      //   ⇒ `this.#makeContext(ca === undefined ? {} : { ca })` becomes
      //   `this.#makeContext(this.#assignment.options.credentials)`
      context: this.#makeContext(ca === undefined ? {} : { ca }),
      strict: false,
    })
  }

  /** A client without tickets: those that keep sessions on the server's side take its id. */
  async #resumesById(): Promise<boolean> {
    const context = this.#makeContext(this.#assignment.options.credentials, constants.SSL_OP_NO_TICKET)
    try {
      const { sessions } = await this.#meet('session-id', { context })
      const [session] = sessions
      if (session === undefined) return false
      return (await this.#meet('session-id', { context, session })).resumed
    } catch {
      return false
    }
  }

  /** Full and resumed handshakes in turn, so that what changes meanwhile changes both. */
  async #time(findings: VersionFindings, tries: number): Promise<Timing | undefined> {
    const full: Meeting[] = []
    const resumed: Meeting[] = []
    for (let i = 0; i < tries; i++) {
      full.push(await this.#full('timing'))
      const meeting = await this.#offer('timing', await this.#fresh())
      findings.taken.offered++
      if (!meeting.resumed) continue
      findings.taken.resumed++
      resumed.push(meeting)
    }
    if (resumed.length === 0) return undefined
    const of = (meetings: readonly Meeting[]) => ({
      handshake: spread(meetings.map(({ handshakeTime }) => handshakeTime)),
      cpu: spread(meetings.map(({ cpuTime }) => cpuTime)),
    })
    const [ofFull, ofResumed] = [of(full), of(resumed)]
    return {
      tries,
      full: ofFull,
      resumed: ofResumed,
      // Milliseconds in one are seconds in a thousand.
      savedPerThousand: {
        handshake: ofFull.handshake.median - ofResumed.handshake.median,
        cpu: ofFull.cpu.median - ofResumed.cpu.median,
      },
    }
  }

  async #elsewhere(purpose: Purpose, change: Partial<Call>): Promise<Elsewhere> {
    const session = await this.#fresh()
    // Newer versions of Node put the name that was verified before a session, and offer it under no other one; without
    // it they offer the session to peers that they do not verify.
    const start = change.strict === false ? native.sessionDescription(session)?.start : 0
    try {
      const offer = { session: session.subarray(start), expected: 0 }
      const { resumed } = await this.#meet(purpose, { ...change, ...offer })
      return { outcome: resumed ? 'resumed' : 'full' }
    } catch (error) {
      const failure = explain(error, 'handshake')
      // The handshake was done, and only then did it ask for the certificate that was not shown.
      if (failure.stage === 'afterwards') return { outcome: 'full' }
      return { outcome: 'failed', error: failure.message }
    }
  }

  async #full(purpose: Purpose): Promise<Meeting> {
    const meeting = await this.#meet(purpose, { expected: this.#perFull })
    this.#perFull ??= meeting.sessions.length
    this.#keep(meeting)
    return meeting
  }

  async #offer(purpose: Purpose, session: Buffer): Promise<Meeting> {
    const meeting = await this.#meet(purpose, { session, expected: this.#perResumed })
    if (meeting.resumed) this.#perResumed ??= meeting.sessions.length
    this.#keep(meeting)
    return meeting
  }

  #keep({ sessions }: Meeting): void {
    for (const session of sessions) {
      const description = native.sessionDescription(session)
      const isDead = this.#assignment.version === 'TLSv1.3' && description?.lifetimeHint === 0
      if (description && !isDead) this.#unused.push(session)
    }
  }

  /** A session that was never offered, if need be from a handshake made for that. */
  async #fresh(): Promise<Buffer> {
    if (this.#unused.length === 0) await this.#full('session')
    const session = this.#unused.pop()
    if (session) return session
    throw new Failure('it hands out sessions at times only', 'afterwards', 'NO_SESSION')
  }

  async #meet(purpose: Purpose, change: Partial<Call>): Promise<Meeting> {
    const { peer, options, address, version, begins, made } = this.#assignment
    begins(purpose)
    const call: Call = {
      address,
      port: peer.port,
      startTls: peer.startTls,
      timeout: options.timeout,
      host: peer.host,
      servername: options.servername ?? (net.isIP(peer.host) ? undefined : peer.host),
      alpn: this.#alpn,
      context: this.#context,
      // @guard probe › probe-failures › a certificate of an unknown authority, for another name, or that has
      //   expired
      //   ⇒ `strict: !options.insecure` becomes `strict: false`
      strict: !options.insecure,
      session: undefined,
      expected: undefined,
      ...change,
    }
    const contact: Contact = {
      version,
      purpose,
      address: call.address,
      offered: call.session !== undefined,
      resumed: false,
      sessions: 0,
      handshakeTime: undefined,
      cpuTime: undefined,
      error: undefined,
    }
    try {
      const meeting = await meet(call)
      contact.resumed = meeting.resumed
      contact.sessions = meeting.sessions.length
      contact.handshakeTime = meeting.handshakeTime
      contact.cpuTime = meeting.cpuTime
      return meeting
    } catch (error) {
      contact.error = explain(error, 'handshake').message
      throw error
    } finally {
      made(contact)
    }
  }

  #makeContext(credentials: ProbeOptions['credentials'], secureOptions = 0): SecureContext {
    const { version } = this.#assignment
    return createSecureContext({ ...credentials, secureOptions, minVersion: version, maxVersion: version })
  }
}

/** For what goes wrong with a peer that was well before: it says nothing about the version. */
function stopped(error: unknown): never {
  const { message, stage, code } = explain(error, 'handshake')
  throw new Failure(`after a full handshake, ${message}`, stage, code, true)
}

/** The protocol that sessions are made under, and the one that they are offered under. */
function alpnOf({ peer, options }: Pick<Assignment, 'peer' | 'options'>): readonly string[] {
  return options.alpn ?? (HTTPS.includes(peer.port) && !peer.startTls ? ['http/1.1', 'h2'] : [])
}

/** How many connections that will be, if all goes well and each handshake brings a session. */
export function estimate(versions: readonly Version[], addresses: number, tries: number): number {
  const others = Math.min(addresses - 1, MAX_ADDRESSES)
  return versions.reduce((sum, version) => sum + (version === 'TLSv1.2' ? 6 : 5) + others + 2 * tries, 0)
}
