import type { TLSSocket } from 'node:tls'

export interface RoundTrip {
  resumed: boolean
  /** Milliseconds from dialling to the echo. */
  latency: number
  /** The number of `session` events. */
  sessions: number
}

const TIMEOUT = 10_000

/**
 * Connects, writes, waits for the echo and ends. Resolves when the socket has closed. A TLS 1.3 server sends its
 * tickets before the echo, so they have been read by then.
 */
export function roundTrip(connect: () => TLSSocket): Promise<RoundTrip> {
  return new Promise((resolve, reject) => {
    const started = performance.now()
    const socket = connect()
    let resumed: boolean | undefined
    let latency: number | undefined
    let sessions = 0
    const timer = setTimeout(() => socket.destroy(new Error(`no answer within ${TIMEOUT} ms`)), TIMEOUT)

    socket.on('secureConnect', () => {
      resumed = socket.isSessionReused()
      if (!socket.authorized) socket.destroy(socket.authorizationError)
      else socket.write('.')
    })
    socket.on('session', () => sessions++)
    socket.on('data', () => {
      latency = performance.now() - started
      socket.end()
    })
    socket.on('error', reject)
    socket.on('close', () => {
      clearTimeout(timer)
      if (resumed === undefined || latency === undefined) reject(new Error('closed before the echo'))
      else resolve({ resumed, latency, sessions })
    })
  })
}
