import type { ConnectionOptions, Server, TLSSocket } from 'node:tls'

/** Options of one connection, all its own: a driver hands over CA, certificate and key on every reconnect. */
export interface Dial extends ConnectionOptions {
  host: string
  port: number
}

/** One way to resume. Each method is called in the thread that uses it, so state it creates is that thread's. */
export interface Mode {
  /** Makes what a client thread connects with. */
  client(): Client
  /** Prepares one server, before it listens. */
  server(server: Server): void
}

export interface Client {
  connect(dial: Dial): TLSSocket
  close(): void
}
