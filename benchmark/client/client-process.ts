import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import type { ConnectionOptions } from 'node:tls'
import { checkPlain } from '../lib/plain.ts'
import type { Arm, Request, Round } from './client.ts'

/** A process of clients. Those of Node alone are in another process than those of this package. */
export class ClientProcess {
  readonly #arm: Arm
  readonly #child: ChildProcess

  constructor(arm: Arm) {
    this.#arm = arm
    this.#child = fork(new URL('./client.ts', import.meta.url), [arm], { stdio: 'inherit' })
    this.#child.on('exit', code => {
      if (code) throw new Error(`the client process ended with ${code}`)
    })
  }

  /** Connects `inTurn` times one after the other, then `atOnce` times with 16 at a time. */
  round(mode: string, options: ConnectionOptions, inTurn: number, atOnce: number): Promise<Round> {
    return this.#ask({ mode, options, inTurn, atOnce })
  }

  /** Ends the process. Throws if a process of Node alone had loaded anything else. */
  async close(): Promise<void> {
    const files = await this.#ask<string[]>({ loaded: true })
    if (this.#arm === 'plain') checkPlain('Node alone', files)
    else if (!files.some(file => file.endsWith('.node'))) throw new Error('the addon was not loaded')
    this.#child.disconnect()
    await once(this.#child, 'exit')
  }

  async #ask<Answer>(request: Request): Promise<Answer> {
    const answer = once(this.#child, 'message')
    this.#child.send(request)
    const [message] = await answer
    return message as Answer
  }
}

/** Both processes of clients. */
export class Clients {
  readonly plain = new ClientProcess('plain')
  readonly ours = new ClientProcess('ours')

  /** Returns the process of a mode, by its name. */
  of(mode: string): ClientProcess {
    return mode.startsWith('tls-resumption') ? this.ours : this.plain
  }

  async close(): Promise<void> {
    await Promise.all([this.plain.close(), this.ours.close()])
  }
}
