import net, { type Socket } from 'node:net'
import tls, { type TLSSocket } from 'node:tls'
import { clearTimeout, monotonicNow, setTimeout } from '../util/time.js'
import { alertOf, explain, type Failure, type Stage, timedOut } from './failures.js'
import { type StartTls, startTls } from './starttls.js'

export type Version = 'TLSv1.2' | 'TLSv1.3'

/** The parameters of one connection. */
export interface ConnectionPlan {
  address: string
  port: number
  startTls: StartTls | undefined
  /** The time limit of the whole connection in milliseconds. */
  timeout: number
  /** The name that the certificate must have. */
  host: string
  servername: string | undefined
  alpn: readonly string[]
  /** A context for all connections of one version of TLS. */
  context: tls.SecureContext
  /** True to fail if the peer is not authorized. */
  strict: boolean
  session: Buffer | undefined
  /** The number of TLS 1.3 tickets to wait for, if known. */
  expected: number | undefined
}

/** The observations on one connection. */
export interface Observation {
  resumed: boolean
  /** All received sessions in order. At most one with TLS 1.2. */
  sessions: Buffer[]
  alpn: string | undefined
  cipher: string
  /** Milliseconds of the TCP handshake: about one round trip. */
  connectTime: number
  /** Milliseconds from the ClientHello until this end had finished the handshake. */
  handshakeTime: number
  /** Milliseconds of CPU of this process during that time. */
  cpuTime: number
}

/**
 * The wait for a further ticket is this time plus some round trips plus the time of the handshake. The server sends tickets
 * after it has processed the client's last message.
 */
const TICKET_WAIT_MS = 200
const ROUND_TRIPS = 4
/** A bound for servers that send tickets without end. */
const MAX_TICKETS = 100
/** The wait for the server's close_notify, which follows all tickets. */
const CLOSE_WAIT_MS = 1000

/**
 * Connects, completes the handshake, waits for tickets and closes the connection. Sends only what starts TLS, and a `HEAD`
 * request if an HTTP server sends no tickets before its first response.
 * @throws Failure
 */
export async function observe(plan: ConnectionPlan): Promise<Observation> {
  let stage: Stage = 'connecting'
  let current: Socket | undefined
  let late: Failure | undefined
  const timer = setTimeout(() => {
    late = timedOut(stage, plan.timeout)
    current?.destroy(late)
  }, plan.timeout)
  try {
    const began = monotonicNow()
    const tcp = net.connect({ host: plan.address, port: plan.port, noDelay: true })
    current = tcp.on('error', ignored)
    await event(tcp, 'connect')
    const connectTime = monotonicNow() - began
    if (plan.startTls) {
      stage = 'starttls'
      await startTls(plan.startTls, tcp, plan.servername ?? plan.host)
    }
    stage = 'handshake'
    const tlsStart = monotonicNow()
    const cpu = process.cpuUsage()
    const socket = tls.connect({
      socket: tcp,
      host: plan.host,
      ...(plan.servername === undefined ? {} : { servername: plan.servername }),
      ...(plan.alpn.length > 0 ? { ALPNProtocols: [...plan.alpn] } : {}),
      ...(plan.session ? { session: plan.session } : {}),
      secureContext: plan.context,
      rejectUnauthorized: plan.strict,
      // NODE_OPTIONS may have loaded `tls-resumption/auto`, which would offer its own sessions without this.
      ...{ maxCachedSessions: 0 },
    })
    current = socket.on('error', ignored)
    const offered = socket.getTLSTicket()
    const sessions: Buffer[] = []
    socket.on('session', (session: Buffer) => {
      if (sessions.length < MAX_TICKETS) sessions.push(session)
    })
    await event(socket, 'secureConnect')
    const { user, system } = process.cpuUsage(cpu)
    const handshakeTime = monotonicNow() - tlsStart
    const observation: Observation = {
      resumed: socket.isSessionReused(),
      sessions,
      alpn: socket.alpnProtocol || undefined,
      cipher: socket.getCipher().name,
      connectTime,
      handshakeTime,
      cpuTime: (user + system) / 1000,
    }
    const renewed = renewedSession(socket, observation.resumed, offered)
    clearTimeout(timer)
    stage = 'afterwards'
    await receiveTickets(socket, observation, plan)
    if (renewed && sessions.length === 0) sessions.push(renewed)
    return observation
  } catch (error) {
    throw late ?? explain(error, stage)
  } finally {
    clearTimeout(timer)
    current?.destroy()
  }
}

/** Listens for `error`, since the code that waits for an event reports the error. */
function ignored(): void {}

/** Returns the renewed session of a resumed TLS 1.2 connection, for which Node emits no `session` event. */
function renewedSession(
  socket: TLSSocket,
  resumed: boolean,
  offered: Buffer | undefined,
): Buffer | undefined {
  if (!resumed || socket.getProtocol() !== 'TLSv1.2') return undefined
  const ticket = socket.getTLSTicket()
  return ticket && !offered?.equals(ticket) ? socket.getSession() : undefined
}

/** Waits for tickets, then closes the connection and waits until the server closes it. */
async function receiveTickets(
  socket: TLSSocket,
  observation: Observation,
  { expected, timeout, servername, host }: ConnectionPlan,
): Promise<void> {
  const { sessions, alpn, connectTime, handshakeTime } = observation
  const delay = ROUND_TRIPS * connectTime + handshakeTime
  const ticketWait = TICKET_WAIT_MS + delay
  const isTls13 = socket.getProtocol() === 'TLSv1.3'
  let failure: Error | undefined
  let isClosing = false
  socket.on('error', (error: NodeJS.ErrnoException) => {
    // An error after the end of this side matters only if it is an alert about the handshake.
    if (!isClosing || alertOf(error.code ?? '')) failure ??= error
  })
  socket.resume()
  const waitForTickets = async () => {
    // Waits for the known number of tickets, or until no further ticket arrives in time.
    for (let count = -1; count < sessions.length && sessions.length < (expected ?? MAX_TICKETS); ) {
      count = sessions.length
      await pause(socket, ticketWait, expected === undefined ? undefined : 'session')
    }
  }
  if (isTls13) {
    await waitForTickets()
    if (sessions.length === 0 && expected !== 0 && alpn === 'http/1.1' && socket.writable) {
      socket.write(`HEAD / HTTP/1.1\r\nHost: ${servername ?? host}\r\nConnection: close\r\n\r\n`)
      await waitForTickets()
    }
  }
  if (!socket.destroyed) {
    isClosing = true
    socket.end()
    // Only the server's close_notify proves that no ticket follows.
    const isUncertain = sessions.length === 0 && expected === undefined
    await pause(socket, isUncertain ? timeout : CLOSE_WAIT_MS + delay)
  }
  // A TLS 1.3 client finishes before the server verifies its certificate, so a rejection arrives afterwards.
  if (failure && sessions.length === 0 && !observation.resumed) throw failure
}

/** Waits until the socket closes, the time has passed, or the event was emitted. */
function pause(socket: TLSSocket, time: number, name?: 'session'): Promise<void> {
  if (socket.destroyed) return Promise.resolve()
  return new Promise(resolve => {
    const end = () => {
      clearTimeout(timer)
      socket.off('close', end)
      if (name) socket.off(name, end)
      resolve()
    }
    const timer = setTimeout(end, time)
    socket.once('close', end)
    if (name) socket.once(name, end)
  })
}

/** Waits for an event like `once` of `node:events`, but also rejects if the socket closes without an error. */
function event(socket: Socket, name: 'connect' | 'secureConnect'): Promise<void> {
  return new Promise((resolve, reject) => {
    const closed = () => failed(Object.assign(new Error('closed'), { code: 'ECONNRESET' }))
    const failed = (error: Error) => {
      socket.off(name, done).off('close', closed)
      reject(error)
    }
    const done = () => {
      socket.off('error', failed).off('close', closed)
      resolve()
    }
    socket.once(name, done).once('close', closed).once('error', failed)
  })
}
