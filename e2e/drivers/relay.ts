import { once } from 'node:events'
import net, { type AddressInfo } from 'node:net'
import { type Handshake, HandshakeReader, type Preamble } from './handshake.ts'

/** Forwards every byte between driver and server, and reads the handshakes. */
export class Relay {
  readonly #server: net.Server
  readonly #open = new Set<net.Socket>()
  readonly #readers: HandshakeReader[] = []
  #upstream: readonly number[] = []
  #preamble: Preamble | undefined

  private constructor() {
    this.#server = net.createServer({ allowHalfOpen: true, noDelay: true }, socket => this.#pass(socket))
  }

  /** Listens on a free port of 127.0.0.1. Refuses connections until it has a target. */
  static async listen(): Promise<Relay> {
    const relay = new Relay()
    relay.#server.listen(0, '127.0.0.1')
    await once(relay.#server, 'listening')
    return relay
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port
  }

  /** Each connection goes to the next of several ports. */
  to(port: number | readonly number[], preamble?: Preamble): void {
    this.#upstream = [port].flat()
    this.#preamble = preamble
  }

  /**
   * Returns the handshakes since the last call, in the order of their connections, once all connections are closed.
   */
  async take(timeout: number): Promise<Handshake[]> {
    const deadline = Date.now() + timeout
    while (this.#open.size > 0 && Date.now() < deadline) await new Promise(resolve => setTimeout(resolve, 5))
    for (const socket of this.#open) socket.destroy()
    return this.#readers.splice(0).flatMap(({ result }) => result ?? [])
  }

  close(): void {
    this.#server.close()
    for (const socket of this.#open) socket.destroy()
  }

  #pass(client: net.Socket): void {
    const [port, ...others] = this.#upstream
    if (port === undefined) {
      client.destroy()
      return
    }
    this.#upstream = [...others, port]
    const reader = new HandshakeReader(this.#preamble)
    this.#readers.push(reader)
    const server = net.connect({
      port,
      host: '127.0.0.1',
      allowHalfOpen: true,
      noDelay: true,
    })
    client.on('data', (chunk: Buffer) => reader.fromClient(chunk))
    server.on('data', (chunk: Buffer) => reader.fromServer(chunk))
    for (const [from, to] of [
      [client, server],
      [server, client],
    ] as const) {
      this.#open.add(from)
      from.pipe(to)
      from.on('error', () => to.destroy())
      from.on('close', () => {
        this.#open.delete(from)
        if (!from.readableEnded) to.destroy()
      })
    }
  }
}
