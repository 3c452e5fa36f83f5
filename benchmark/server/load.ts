import { once } from 'node:events'
import tls, { type ConnectionOptions } from 'node:tls'

export interface Load {
  seconds: number
  full: number
  resumed: number
}

/** Connects as a plain client: ends each connection as soon as it is secure, and keeps the latest session. */
export class Client {
  readonly #options: ConnectionOptions
  readonly #ports: readonly number[]
  #connections = 0
  readonly #resumes: boolean
  readonly #secureContext: tls.SecureContext
  #session: Buffer | undefined

  /** Each connection goes to the next of several ports. */
  constructor(options: ConnectionOptions, ports: readonly number[], resumes: boolean) {
    this.#options = options
    this.#ports = ports
    this.#resumes = resumes
    this.#secureContext = tls.createSecureContext(options)
  }

  /** Makes `count` connections, `atOnce` of them at a time. */
  async load(connections: number, atOnce: number): Promise<Load> {
    const counts = { full: 0, resumed: 0 }
    const started = performance.now()
    let left = connections
    await Promise.all(
      Array.from({ length: atOnce }, async () => {
        while (left-- > 0) counts[(await this.#connect()) ? 'resumed' : 'full']++
      }),
    )
    return { seconds: (performance.now() - started) / 1000, ...counts }
  }

  async #connect(): Promise<boolean> {
    const session = this.#resumes && this.#session ? { session: this.#session } : {}
    const port = this.#ports[this.#connections++ % this.#ports.length]
    const socket = tls.connect({ ...this.#options, port, secureContext: this.#secureContext, ...session })
    let isResumed = false
    socket.once('secureConnect', () => {
      isResumed = socket.isSessionReused()
      socket.end()
    })
    socket.on('session', ticket => {
      this.#session = ticket
    })
    socket.resume()
    await once(socket, 'close')
    return isResumed
  }
}
