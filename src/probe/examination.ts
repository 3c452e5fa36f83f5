import { constants } from 'node:crypto'
import net from 'node:net'
import { createSecureContext, type SecureContext } from 'node:tls'
import { native } from '../native/addon.js'
import type { ProbeOptions } from './args.js'
import { explain, Failure } from './failures.js'
import type { Contact, Elsewhere, Purpose, Timing, VersionFindings } from './findings.js'
import { type ConnectionPlan, type Observation, observe, type Version } from './handshake.js'
import { spread } from './statistics.js'
import type { Peer } from './target.js'

/** Attempts to resume before the peer counts as one that never resumes: it may accept only some sessions. */
const MAX_ATTEMPTS = 3
/** The maximum number of other addresses to try. */
export const MAX_ADDRESSES = 4
/** Ports of HTTPS servers, which support two ALPN protocols. */
const HTTPS_PORTS = [443, 8443]

export interface Assignment {
  peer: Peer
  options: ProbeOptions
  version: Version
  /** All addresses of the peer. */
  addresses: readonly string[]
  /** The address to probe. */
  address: string
  tries: number
  /** Called before each connection. */
  begins(purpose: Purpose): void
  /** Called after each connection. */
  made(contact: Contact): void
}

/** Examines one version of TLS, with one connection after the other. */
export class Examination {
  readonly #assignment: Assignment
  readonly #context: SecureContext
  readonly #alpn: readonly string[]
  /** Sessions that were not offered yet, the newest last. */
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
   * Returns the findings.
   * @throws Failure if no handshake succeeds
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
      sizeBytes: (byTicket ? described?.ticketLength : described?.idLength) || undefined,
      lifetimeHintSeconds:
        described?.lifetimeHint || (version === 'TLSv1.3' ? described?.lifetimeHint : undefined),
      earlyDataBytes: version === 'TLSv1.3' ? described?.maxEarlyData : undefined,
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
      await this.#resume(findings).catch(rethrowAsFinal)
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

  /** Finds out whether the peer accepts an unused session, and whether it accepts that session again. */
  async #resume(findings: VersionFindings): Promise<void> {
    for (let attempt = 0, broken = 0; attempt < MAX_ATTEMPTS && broken < 2 && !findings.resumes; attempt++) {
      const session = await this.#unusedSession()
      try {
        const observation = await this.#offer('resume', session)
        findings.taken.offered++
        if (!observation.resumed) continue
        findings.taken.resumed++
        findings.resumes = true
        findings.renewed = observation.sessions.length
        findings.reuse = (await this.#offer('reuse', session)).resumed ? 'resumed' : 'full'
      } catch (error) {
        // If a full handshake succeeds now, the offered session was the cause.
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
   * Offers a session under another server name. The certificate is not verified: only the verified peer can resume the
   * session. The connection has no client certificate and sends no data.
   */
  async #underOtherName(): Promise<Elsewhere> {
    const { ca } = this.#assignment.options.credentials
    return this.#elsewhere('servername', {
      servername: this.#assignment.options.otherServername,
      // @guard probe › probe-findings › probe: the connection under another name has no client certificate
      //   ⇒ `this.#makeContext(ca === undefined ? {} : { ca })` becomes
      //   `this.#makeContext(this.#assignment.options.credentials)`
      context: this.#makeContext(ca === undefined ? {} : { ca }),
      strict: false,
    })
  }

  /** Connects without ticket support, to find out whether the peer resumes by session ID. */
  async #resumesById(): Promise<boolean> {
    const context = this.#makeContext(this.#assignment.options.credentials, constants.SSL_OP_NO_TICKET)
    try {
      const { sessions } = await this.#observe('session-id', { context })
      const [session] = sessions
      if (session === undefined) return false
      return (await this.#observe('session-id', { context, session })).resumed
    } catch {
      return false
    }
  }

  /** Times full and resumed handshakes in turn, so that changes of the load affect both. */
  async #time(findings: VersionFindings, tries: number): Promise<Timing | undefined> {
    const full: Observation[] = []
    const resumed: Observation[] = []
    for (let i = 0; i < tries; i++) {
      full.push(await this.#full('timing'))
      const observation = await this.#offer('timing', await this.#unusedSession())
      findings.taken.offered++
      if (!observation.resumed) continue
      findings.taken.resumed++
      resumed.push(observation)
    }
    if (resumed.length === 0) return undefined
    const of = (observations: readonly Observation[]) => ({
      handshakeMs: spread(observations.map(({ handshakeTime }) => handshakeTime)),
      cpuMs: spread(observations.map(({ cpuTime }) => cpuTime)),
    })
    const [ofFull, ofResumed] = [of(full), of(resumed)]
    return {
      tries,
      full: ofFull,
      resumed: ofResumed,
      // Milliseconds of one connection are seconds of a thousand.
      savedPerThousand: {
        handshakeSeconds: ofFull.handshakeMs.median - ofResumed.handshakeMs.median,
        cpuSeconds: ofFull.cpuMs.median - ofResumed.cpuMs.median,
      },
    }
  }

  async #elsewhere(purpose: Purpose, change: Partial<ConnectionPlan>): Promise<Elsewhere> {
    const session = await this.#unusedSession()
    // Since CVE-2026-48934 Node puts the verified name in front of a session and does not offer it under another one.
    // Without that envelope it offers the session only to peers that it does not verify.
    const start = change.strict === false ? native.sessionDescription(session)?.start : 0
    try {
      const offer = { session: session.subarray(start), expected: 0 }
      const { resumed } = await this.#observe(purpose, { ...change, ...offer })
      return { outcome: resumed ? 'resumed' : 'full' }
    } catch (error) {
      const failure = explain(error, 'handshake')
      // The handshake was completed, and then the server rejected the missing client certificate.
      if (failure.stage === 'afterwards') return { outcome: 'full' }
      return { outcome: 'failed', error: failure.message }
    }
  }

  async #full(purpose: Purpose): Promise<Observation> {
    const observation = await this.#observe(purpose, { expected: this.#perFull })
    this.#perFull ??= observation.sessions.length
    this.#keep(observation)
    return observation
  }

  async #offer(purpose: Purpose, session: Buffer): Promise<Observation> {
    const observation = await this.#observe(purpose, { session, expected: this.#perResumed })
    if (observation.resumed) this.#perResumed ??= observation.sessions.length
    this.#keep(observation)
    return observation
  }

  #keep({ sessions }: Observation): void {
    for (const session of sessions) {
      const description = native.sessionDescription(session)
      const isDead = this.#assignment.version === 'TLSv1.3' && description?.lifetimeHint === 0
      if (description && !isDead) this.#unused.push(session)
    }
  }

  /** Returns a session that was never offered, if necessary from an additional full handshake. */
  async #unusedSession(): Promise<Buffer> {
    if (this.#unused.length === 0) await this.#full('session')
    const session = this.#unused.pop()
    if (session) return session
    throw new Failure('it sends sessions only sometimes', 'afterwards', 'NO_SESSION')
  }

  async #observe(purpose: Purpose, change: Partial<ConnectionPlan>): Promise<Observation> {
    const { peer, options, address, version, begins, made } = this.#assignment
    begins(purpose)
    const plan: ConnectionPlan = {
      address,
      port: peer.port,
      startTls: peer.startTls,
      timeout: options.timeout,
      host: peer.host,
      servername: options.servername ?? (net.isIP(peer.host) ? undefined : peer.host),
      alpn: this.#alpn,
      context: this.#context,
      // @guard probe › probe-failures › probe: a certificate of an unknown authority, for another name or expired is
      //   rejected
      //   ⇒ `strict: !options.insecure` becomes `strict: false`
      strict: !options.insecure,
      session: undefined,
      expected: undefined,
      ...change,
    }
    const contact: Contact = {
      version,
      purpose,
      address: plan.address,
      offered: plan.session !== undefined,
      resumed: false,
      sessions: 0,
      handshakeMs: undefined,
      cpuMs: undefined,
      error: undefined,
    }
    try {
      const observation = await observe(plan)
      contact.resumed = observation.resumed
      contact.sessions = observation.sessions.length
      contact.handshakeMs = observation.handshakeTime
      contact.cpuMs = observation.cpuTime
      return observation
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

/** Throws the failure of a peer whose first handshake succeeded: it says nothing about the version. */
function rethrowAsFinal(error: unknown): never {
  const { message, stage, code } = explain(error, 'handshake')
  throw new Failure(`after a full handshake, ${message}`, stage, code, true)
}

/** Returns the ALPN protocol of the handshakes, and the other protocol under which a session is offered. */
function alpnOf({ peer, options }: Pick<Assignment, 'peer' | 'options'>): readonly string[] {
  return options.alpn ?? (HTTPS_PORTS.includes(peer.port) && !peer.startTls ? ['http/1.1', 'h2'] : [])
}

/** Estimates the number of connections, for a peer that sends a session with each handshake. */
export function estimate(versions: readonly Version[], addresses: number, tries: number): number {
  const others = Math.min(addresses - 1, MAX_ADDRESSES)
  return versions.reduce((sum, version) => sum + (version === 'TLSv1.2' ? 6 : 5) + others + 2 * tries, 0)
}
