import type { ConnectionOptions, Server, TLSSocket } from 'node:tls'

/** The options of one connection, copied for it: drivers pass CA, certificate and key on every reconnect. */
export interface Dial extends ConnectionOptions {
  host: string
  port: number
}

/** A way to resume. Each method runs in the thread that uses it, so its state belongs to that thread. */
export interface Mode {
  /** Returns the function that connects in a client thread. */
  client(): Client
  /** Prepares one server before it listens. */
  server(server: Server): void
}

export interface Client {
  connect(dial: Dial): TLSSocket
  close(): void
}
