/** What a way to connect finds around it: servers, options, and a place for what it sees. */
import { once } from 'node:events'
import http2 from 'node:http2'
import https from 'node:https'
import net from 'node:net'
import tls from 'node:tls'
import { describe, describeError, logOf, snapshot } from './recorder.mjs'

export const sleep = ms => new Promise(resolve => setTimeout(resolve, ms))

/** The surroundings of one way with one version of TLS, over all its visits. */
export class World {
  /** For what a way keeps from one visit to the next, such as a session. */
  kept = {}
  #servers = []
  #connections = new Set()
  #record
  #isIgnoringClients = false

  constructor({ pki, version, directory }) {
    this.pki = pki
    this.version = version
    this.directory = directory
  }

  /** Starts a visit: what is seen from now on belongs to it. */
  begin(visit) {
    this.visit = visit
    this.#record = { logs: {}, snapshots: {}, reused: {} }
    return this.#record
  }

  /** Starts a server that lives as long as this world. The first one's port is `port`. */
  async listen(server, ...where) {
    this.#servers.push(server)
    server.on('connection', socket => {
      this.#connections.add(socket)
      socket.on('close', () => this.#connections.delete(socket)).on('error', () => {})
    })
    server.listen(...(where.length > 0 ? where : [0]))
    await once(server, 'listening')
    const { port } = server.address()
    this.port ??= port
    return port ?? where[0]
  }

  /** A TLS server that returns what it gets and says what it knows of its clients. */
  async echo(options = {}, ...where) {
    const server = tls.createServer(this.serverOptions(options), socket => {
      socket.on('error', () => {}).pipe(socket)
    })
    this.#noteClients(server)
    await this.listen(server, ...where)
    return server
  }

  /** An HTTPS server that answers with the path. */
  async web(options = {}) {
    const server = https.createServer(this.serverOptions(options), (request, response) =>
      response.end(request.url),
    )
    this.#noteClients(server)
    await this.listen(server)
    return server
  }

  /** An HTTP/2 server that answers with the path. */
  async web2(options = {}) {
    const server = http2.createSecureServer(this.serverOptions(options), (request, response) =>
      response.end(request.url),
    )
    this.#noteClients(server)
    server.on('sessionError', () => {})
    await this.listen(server)
    return server
  }

  /** With an authority of its own, since OpenSSL sends every certificate of its store that completes the chain. */
  serverOptions(options) {
    const { direct, unknownRoot } = this.pki
    return { ...direct, ca: unknownRoot, minVersion: this.version, maxVersion: this.version, ...options }
  }

  /** Options of a client that trusts the root. */
  options(more = {}) {
    return { host: 'localhost', port: this.port, ca: this.pki.root, ...more }
  }

  note(text, label = 'client') {
    this.#record.logs[label] ??= []
    this.#record.logs[label].push(text)
  }

  /** Puts a socket's events into the record, and its getters now, when it is secure and when it has closed. */
  watch(socket, label = 'client') {
    const record = this.#record
    const events = logOf(socket)
    record.logs[label] = events
    record.snapshots[`${label} created`] = snapshot(socket)
    let isSecure = false
    socket.on('secureConnect', () => {
      isSecure = true
      record.reused[label] = socket.isSessionReused()
      record.snapshots[`${label} secureConnect`] = snapshot(socket)
    })
    socket.on('close', () => {
      record.snapshots[`${label} close`] = snapshot(socket, { isSafe: isSecure })
    })
    return socket
  }

  /** Watches a socket, sends a word once it is secure, waits for its echo and ends. Resolves when it has closed. */
  async talk(socket, { label = 'client', word = 'word' } = {}) {
    this.watch(socket, label)
    socket.on('error', () => {})
    socket.on('secureConnect', () => socket.write(word))
    socket.on('data', () => socket.end())
    await closed(socket)
    return socket
  }

  /** Leaves out of the record what servers see: for ways in which chance decides how far a connection gets. */
  ignoreClients() {
    this.#isIgnoringClients = true
  }

  #noteClients(server) {
    server.on('tlsClientError', error => this.#noteClient(`tlsClientError ${error.code}`))
    server.on('secureConnection', socket => {
      const { alpnProtocol, servername, authorized, authorizationError } = socket
      const { subject } = socket.getPeerCertificate()
      this.#noteClient(`client ${subject?.CN}, authorized ${authorized}, ${describe(authorizationError)}`)
      this.#noteClient(`ALPN ${alpnProtocol}`)
      this.#noteClient(`servername ${servername}`)
    })
  }

  #noteClient(text) {
    if (!this.#isIgnoringClients) this.note(text, 'server')
  }

  /** Resolves with what a request is answered, or rejects; for clients of HTTP. */
  async body(request) {
    const [response] = await once(request, 'response')
    let text = ''
    for await (const chunk of response) text += chunk
    return `${response.statusCode} ${text}`
  }

  /** Notes how a promise ends. */
  async outcome(promise, label = 'client') {
    try {
      this.note(`resolves ${describe(await promise)}`, label)
    } catch (error) {
      this.note(`rejects ${describeError(error)}`, label)
    }
  }

  /** Resolves when the servers have no connection any more, or after a while. */
  async settle() {
    for (let i = 0; i < 30 && this.#connections.size > 0; i++) await sleep(10)
    for (let i = 0; i < 3; i++) await new Promise(setImmediate)
  }

  async close() {
    for (const socket of this.#connections) socket.destroy()
    await Promise.all(
      this.#servers.map(server => {
        server.closeAllConnections?.()
        return new Promise(resolve => server.close(resolve))
      }),
    )
  }
}

/** Resolves when a socket has closed, which it may have done already. */
export function closed(socket) {
  return socket.closed ? Promise.resolve() : new Promise(resolve => socket.once('close', resolve))
}

/** A port on which nothing listens. */
export async function closedPort() {
  const server = net.createServer().listen(0)
  await once(server, 'listening')
  const { port } = server.address()
  server.close()
  await once(server, 'close')
  return port
}

/** Watches a socket that may never get anywhere. */
export async function quietly(t, socket) {
  t.watch(socket).on('error', () => {})
  socket.resume()
  await Promise.race([closed(socket), sleep(200)])
  await sleep(20)
}
