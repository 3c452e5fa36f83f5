import tls, { type ConnectionOptions, type TLSSocket } from 'node:tls'

/** Ways to reconnect with Node alone. Those of this package are in `ours.ts`, so that it is loaded only with them. */

/** A way to reconnect, always from the same options. */
export interface Mode {
  name: string
  connect(options: ConnectionOptions): TLSSocket
}

/** As drivers reconnect: new options objects each time, and no sessions. */
export const full: Mode = { name: 'Node alone', connect: options => tls.connect({ ...options }) }

/** As a driver can do by itself: it keeps the last session of each endpoint. */
export const ownSessions: Mode = { name: 'Node and a Map of sessions', connect: rememberIn(new Map()) }

/** One SecureContext for all connections to a port, and no sessions. */
export function ownContexts(connect: Mode['connect'] = options => tls.connect(options)): Mode {
  const contexts = new Map<number | undefined, tls.SecureContext>()
  return {
    name: 'Node with a SecureContext of its own',
    connect(options) {
      let secureContext = contexts.get(options.port)
      secureContext ??= tls.createSecureContext(options)
      contexts.set(options.port, secureContext)
      return connect({ ...options, secureContext })
    },
  }
}

/** The best that an application can do with Node. */
export function ownCache(): Mode {
  return { ...ownContexts(rememberIn(new Map())), name: 'Node with its best own cache' }
}

function rememberIn(sessions: Map<number | undefined, Buffer>): Mode['connect'] {
  return options => {
    const socket = tls.connect({ ...options, session: sessions.get(options.port) })
    return socket.on('session', session => sessions.set(options.port, session))
  }
}
