import type { ChildProcess } from 'node:child_process'
import { chmodSync, chownSync, cpSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Authority, Identity } from '../../fixtures/certificates.ts'
import { accepts, startLogged, stop, untilReady } from './processes.ts'
import type { Relay } from './relay.ts'

/** What a driver is told, beyond how to verify the server; each driver takes what it needs. */
export interface Endpoint {
  user?: string
  password?: string
  database?: string
}

/** Handshakes, by how. */
export interface Counts {
  full: number
  resumed: number
}

/** A server that is up. */
export interface Running {
  /** As the server or its package names it. */
  version: string
  endpoint?: Endpoint
  /** What the server itself says of all its handshakes so far; left out where it does not tell. */
  counts?(): Promise<Counts>
}

/** A kind of server, and who is tried against it. */
export interface RealServer {
  name: string
  /** The programs it takes, and Debian's packages that bring each. */
  programs: Readonly<Record<string, readonly string[]>>
  /** The modules in `drivers`. */
  drivers: readonly string[]
  /** Why this server never resumes, for one that does not: then nothing may be offered, and all must work. */
  neverResumes?: string
  protocols?: readonly Protocol[]
  start(site: Site): Promise<Running>
}

export type Protocol = 'TLSv1.2' | 'TLSv1.3'

/** Debian's nobody and nogroup: who the servers are run by, when the tests are run by root. */
const NOBODY = { uid: 65_534, gid: 65_534 }

/** Where one server lives: a directory of its own, and what it needs around it. */
export class Site {
  readonly #children: ChildProcess[] = []
  readonly #user = process.getuid?.() === 0 ? NOBODY : undefined
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

  /** A copy of a directory of files, which the server's user may not be allowed to reach where they are. */
  copy(from: string, name: string): string {
    cpSync(from, this.mkdir(name), { recursive: true })
    for (const file of readdirSync(this.path(name))) this.#own(this.path(name, file), 0o600)
    return this.path(name)
  }

  /** What a program of the server's is to be run with. */
  options(env: NodeJS.ProcessEnv = {}): { cwd: string; env: NodeJS.ProcessEnv; uid?: number; gid?: number } {
    const { PATH, LANG = 'C.UTF-8' } = process.env
    return { cwd: this.directory, env: { PATH, LANG, HOME: this.directory, ...env }, ...this.#user }
  }

  /**
   * Starts the server and waits until it listens on `port`, or until `isReady` says so.
   * @throws with the end of its log when that does not come.
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
