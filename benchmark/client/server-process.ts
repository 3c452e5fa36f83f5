import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import type { Listen, Report, Request } from './server.ts'

/** The server process. */
export class ServerProcess {
  readonly #child: ChildProcess = fork(new URL('./server.ts', import.meta.url), { stdio: 'inherit' })

  constructor() {
    this.#child.on('exit', code => {
      if (code) throw new Error(`the server process ended with ${code}`)
    })
  }

  /** The ports, in the order of the servers. */
  listen(servers: Listen[]): Promise<number[]> {
    return this.#ask({ listen: servers })
  }

  report(): Promise<Report> {
    return this.#ask({ report: true })
  }

  close(): void {
    this.#child.send({ close: true } satisfies Request)
  }

  async #ask<Answer>(request: Request): Promise<Answer> {
    const answer = once(this.#child, 'message')
    this.#child.send(request)
    const [message] = await answer
    return message as Answer
  }
}
