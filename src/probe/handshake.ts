import net, { type Socket } from 'node:net'
import tls, { type TLSSocket } from 'node:tls'
import { clearTimeout, monotonicNow, setTimeout } from '../util/time.js'
import { alertOf, explain, type Failure, type Stage, tooLate } from './failures.js'
import { type StartTls, startTls } from './starttls.js'

export type Version = 'TLSv1.2' | 'TLSv1.3'

export interface Call {
  address: string
  port: number
  startTls: StartTls | undefined
  /** For one connection, all in all, in milliseconds. */
  timeout: number
  /** Whom the certificate has to name. */
  host: string
  servername: string | undefined
  alpn: readonly string[]
  /** Made once for many connections, with the version of TLS in it. */
  context: tls.SecureContext
  /** Whether a peer that is not authorized ends the connection. */
  strict: boolean
  session: Buffer | undefined
  /** How many TLS 1.3 tickets are to be waited for, where that is known. */
  expected: number | undefined
}

/** What a connection showed. */
export interface Meeting {
  resumed: boolean
  /** All that came, in their order; of TLS 1.2 one at most. */
  sessions: Buffer[]
  alpn: string | undefined
  cipher: string
  /** Milliseconds of TCP alone: about the time there and back. */
  connectTime: number
  /** Milliseconds from the first byte of TLS until the handshake was done at this end. */
  handshakeTime: number
  /** Milliseconds of CPU that this process spent meanwhile. */
  cpuTime: number
}

/**
 * Milliseconds without a ticket after which no more are expected, beside a few times there and back, and as long as the
 * handshake took: tickets come when the server has read the client's last message.
 */
const PATIENCE = 200
const ROUND_TRIPS = 4
/** No server has a reason to hand out more at once. */
const MAX_TICKETS = 100
/** What a server is given to answer this end's goodbye; it comes behind all tickets. */
const GOODBYE = 1000

/**
 * Connects, does the handshake, waits for tickets, and takes leave. Nothing is sent but what agrees on TLS, and a
 * `HEAD` where a server of HTTP sends tickets with its first answer alone.
 * @throws Failure
 */
export async function meet(call: Call): Promise<Meeting> {
  let stage: Stage = 'connecting'
  let current: Socket | undefined
  let late: Failure | undefined
  const timer = setTimeout(() => {
    late = tooLate(stage, call.timeout)
    current?.destroy(late)
  }, call.timeout)
  try {
    const began = monotonicNow()
    const tcp = net.connect({ host: call.address, port: call.port, noDelay: true })
    current = tcp.on('error', ignored)
    await event(tcp, 'connect')
    const connectTime = monotonicNow() - began
    if (call.startTls) {
      stage = 'starttls'
      await startTls(call.startTls, tcp)
    }
    stage = 'handshake'
    const greeted = monotonicNow()
    const cpu = process.cpuUsage()
    const socket = tls.connect({
      socket: tcp,
      host: call.host,
      ...(call.servername === undefined ? {} : { servername: call.servername }),
      ...(call.alpn.length > 0 ? { ALPNProtocols: [...call.alpn] } : {}),
      ...(call.session ? { session: call.session } : {}),
      secureContext: call.context,
      rejectUnauthorized: call.strict,
      // For `tls-resumption/auto`, which NODE_OPTIONS may have loaded and which would offer sessions of its own.
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
    const handshakeTime = monotonicNow() - greeted
    const meeting: Meeting = {
      resumed: socket.isSessionReused(),
      sessions,
      alpn: socket.alpnProtocol || undefined,
      cipher: socket.getCipher().name,
      connectTime,
      handshakeTime,
      cpuTime: (user + system) / 1000,
    }
    const renewed = renewedSession(socket, meeting.resumed, offered)
    clearTimeout(timer)
    stage = 'afterwards'
    await settle(socket, meeting, call)
    if (renewed && sessions.length === 0) sessions.push(renewed)
    return meeting
  } catch (error) {
    throw late ?? explain(error, stage)
  } finally {
    clearTimeout(timer)
    current?.destroy()
  }
}

/** What fails is told by whoever waits for it. */
function ignored(): void {}

/** Of TLS 1.2: Node tells of no session that a resumption has renewed. */
function renewedSession(
  socket: TLSSocket,
  resumed: boolean,
  offered: Buffer | undefined,
): Buffer | undefined {
  if (!resumed || socket.getProtocol() !== 'TLSv1.2') return undefined
  const ticket = socket.getTLSTicket()
  return ticket && !offered?.equals(ticket) ? socket.getSession() : undefined
}

/** Waits for tickets, then says goodbye and waits for the answer. */
async function settle(
  socket: TLSSocket,
  meeting: Meeting,
  { expected, timeout, servername, host }: Call,
): Promise<void> {
  const { sessions, alpn, connectTime, handshakeTime } = meeting
  const delay = ROUND_TRIPS * connectTime + handshakeTime
  const patience = PATIENCE + delay
  const isTls13 = socket.getProtocol() === 'TLSv1.3'
  let failure: Error | undefined
  let isLeaving = false
  socket.on('error', (error: NodeJS.ErrnoException) => {
    // What goes wrong with a goodbye does not matter, unless it is the answer to what was before.
    if (!isLeaving || alertOf(error.code ?? '')) failure ??= error
  })
  socket.resume()
  const arrive = async () => {
    // A known number is waited for; of an unknown one all that come without a pause.
    for (let count = -1; count < sessions.length && sessions.length < (expected ?? MAX_TICKETS); ) {
      count = sessions.length
      await pause(socket, patience, expected === undefined ? undefined : 'session')
    }
  }
  if (isTls13) {
    await arrive()
    if (sessions.length === 0 && expected !== 0 && alpn === 'http/1.1' && socket.writable) {
      socket.write(`HEAD / HTTP/1.1\r\nHost: ${servername ?? host}\r\nConnection: close\r\n\r\n`)
      await arrive()
    }
  }
  if (!socket.destroyed) {
    isLeaving = true
    socket.end()
    // Without its answer it would not be certain that there are no tickets.
    const isUncertain = sessions.length === 0 && expected === undefined
    await pause(socket, isUncertain ? timeout : GOODBYE + delay)
  }
  // A TLS 1.3 client has finished before the server has looked at its certificate: a refusal comes afterwards.
  if (failure && sessions.length === 0 && !meeting.resumed) throw failure
}

/** Until the socket is closed, or the time has passed, or the event came. */
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

/** Like `once` of `node:events`, and fails where the socket closes without an error. */
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
