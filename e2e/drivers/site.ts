import type { ChildProcess } from 'node:child_process'
import { chmodSync, chownSync, cpSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Authority, Identity } from '../../fixtures/certificates.ts'
import { accepts, startLogged, stop, untilReady } from './processes.ts'
import type { Relay } from './relay.ts'

/** What a driver gets, beyond the options that verify the server. Each driver takes what it needs. */
export interface Endpoint {
  user?: string
  password?: string
  database?: string
}

/** Counts of handshakes. */
export interface Counts {
  full: number
  resumed: number
}

/** A running server. */
export interface Running {
  /** The version, as the server or its package names it. */
  version: string
  endpoint?: Endpoint
  /** Returns the server's own counts of all handshakes so far. Omitted if it has none. */
  counts?(): Promise<Counts>
}

/** A kind of server, and the drivers that are run against it. */
export interface RealServer {
  name: string
  /** The programs it needs, with the Debian packages that have them. */
  programs: Readonly<Record<string, readonly string[]>>
  /** The modules in `drivers`. */
  drivers: readonly string[]
  /** Why this server never resumes. If set, nothing may be offered, and everything has to work. */
  neverResumes?: string
  protocols?: readonly Protocol[]
  start(site: Site): Promise<Running>
}

export type Protocol = 'TLSv1.2' | 'TLSv1.3'

/** Debian's user nobody and group nogroup, which run the servers if root runs the tests. */
const SERVER_USER = { uid: 65_534, gid: 65_534 }

/** The place of one server: a directory, certificates and a port. */
export class Site {
  readonly #children: ChildProcess[] = []
  readonly #user = process.getuid?.() === 0 ? SERVER_USER : undefined
  /** The paths of the authority's certificate, and of the server's and a client's certificate and key. */
  readonly files: Readonly<Record<'ca' | 'cert' | 'key' | 'clientCert' | 'clientKey', string>>

  constructor(
    readonly directory: string,
    readonly relay: Relay,
    readonly authority: Authority,
    readonly server: Identity,
    readonly client: Identity,
  ) {
    this.#own(directory, 0o700)
    this.files = {
      ca: this.write('ca.pem', authority.cert),
      cert: this.write('cert.pem', server.cert),
      key: this.write('key.pem', server.key),
      clientCert: this.write('client-cert.pem', client.cert),
      clientKey: this.write('client-key.pem', client.key),
    }
  }

  path(...names: string[]): string {
    return join(this.directory, ...names)
  }

  write(name: string, text: string | Buffer): string {
    writeFileSync(this.path(name), text)
    this.#own(this.path(name), 0o600)
    return this.path(name)
  }

  mkdir(name: string): string {
    mkdirSync(this.path(name))
    this.#own(this.path(name), 0o700)
    return this.path(name)
  }

  /** Copies a directory for a server whose user may not be allowed to read the original. */
  copy(from: string, name: string): string {
    cpSync(from, this.mkdir(name), { recursive: true })
    for (const file of readdirSync(this.path(name))) this.#own(this.path(name, file), 0o600)
    return this.path(name)
  }

  /** The options to start a program of the server with. */
  options(env: NodeJS.ProcessEnv = {}): { cwd: string; env: NodeJS.ProcessEnv; uid?: number; gid?: number } {
    const { PATH, LANG = 'C.UTF-8' } = process.env
    return { cwd: this.directory, env: { PATH, LANG, HOME: this.directory, ...env }, ...this.#user }
  }

  /**
   * Starts the server and waits until it listens on `port`, or until `isReady` returns true.
   * @throws with the end of its log if that does not happen.
   */
  async start(
    command: readonly string[],
    {
      port,
      isReady,
      env,
      timeout = 120_000,
    }: {
      port: number
      isReady?: () => Promise<boolean>
      env?: NodeJS.ProcessEnv
      timeout?: number
    },
  ): Promise<void> {
    const log = this.path('log')
    const child = startLogged(command, log, this.options(env))
    this.#children.push(child)
    await untilReady(child, log, isReady ?? (() => accepts(port)), timeout)
  }

  async stop(): Promise<void> {
    for (const child of this.#children.reverse()) await stop(child)
  }

  #own(path: string, mode: number): void {
    chmodSync(path, mode)
    if (this.#user) chownSync(path, this.#user.uid, this.#user.gid)
  }
}
