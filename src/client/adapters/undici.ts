import net from 'node:net'
import tls from 'node:tls'
import { clearTimeout, setTimeout } from '../../util/time.js'
import { checkBoolean, checkInteger } from '../../util/validate.js'
import { type ConnectOptions, connectWith } from '../connect.js'
import { checkResumptionOptions, type ResumptionOptions } from '../resumption-options.js'

/** The options of {@link buildConnector}: those of undici's `buildConnector`, of `tls.connect`, and of this package. */
export interface BuildConnectorOptions
  extends Omit<tls.ConnectionOptions, 'session' | 'timeout'>,
    ResumptionOptions {
  /** True to offer HTTP/2. */
  allowH2?: boolean | undefined
  /** A unix socket to connect to in place of the origin's host and port. */
  socketPath?: string | undefined
  /**
   * The time limit of a connection attempt in milliseconds. 0: none.
   * @defaultValue 10_000
   */
  timeout?: number | undefined
  /** @defaultValue true */
  keepAlive?: boolean | undefined
  /** @defaultValue 60_000 */
  keepAliveInitialDelay?: number | undefined
}

/** The peer that undici connects to. */
export interface ConnectorOptions {
  /** The name or address of the host. */
  hostname: string
  /** Host and port, as in a URL. */
  host?: string
  /** `https:`; with `http:` the connection has no TLS. */
  protocol: string
  /** Empty for the default port of the protocol. */
  port: string
  /** The name to verify and to send as SNI; by default the host. */
  servername?: string
  /** The local address to connect from. */
  localAddress?: string | null
  /** A connected socket to a proxy, through which TLS is spoken. */
  httpSocket?: net.Socket
}

/** Called once with the result of a connection attempt. */
export type ConnectorCallback = (
  ...result: [error: null, socket: net.Socket] | [error: Error, socket: null]
) => void

/**
 * Returns a connector for undici (`new Agent({ connect: buildConnector() })`) whose connections resume, and whose sessions
 * outlive pools and agents. Options that undici's `buildConnector` has mean the same here.
 *
 * @throws `ERR_INVALID_ARG_TYPE` or `ERR_OUT_OF_RANGE` for `sessionCache`, `cachePartition`, `timeout`,
 * `allowH2`, `keepAlive` or `keepAliveInitialDelay`.
 *
 * @example
 * ```ts
 * import { buildConnector } from 'tls-resumption/undici'
 *
 * const connect = buildConnector({ timeout: 5_000 }) // new Agent({ connect })
 * ```
 */
export function buildConnector({
  allowH2 = false,
  socketPath,
  timeout = 10_000,
  keepAlive = true,
  keepAliveInitialDelay = 60_000,
  ...options
}: BuildConnectorOptions = {}): (endpoint: ConnectorOptions, callback: ConnectorCallback) => net.Socket {
  checkBoolean('allowH2', allowH2)
  checkBoolean('keepAlive', keepAlive)
  checkInteger('timeout', timeout, 0, 2 ** 31 - 1)
  checkInteger('keepAliveInitialDelay', keepAliveInitialDelay, 0, 2 ** 31 - 1)
  checkResumptionOptions(options)
  const path = socketPath ? { path: socketPath } : {}

  return (endpoint, callback) => {
    const { hostname, protocol, localAddress, httpSocket } = endpoint
    const isSecure = protocol === 'https:'
    const port = Number(endpoint.port || (isSecure ? 443 : 80))
    const local = localAddress ? { localAddress } : {}
    const socket = isSecure
      ? connectWith(
          {
            ...path,
            ...(options as ConnectOptions),
            ...local,
            ...(httpSocket ? { socket: httpSocket } : {}),
            servername: servernameOf(endpoint, options.servername),
            ALPNProtocols: allowH2 ? ['http/1.1', 'h2'] : ['http/1.1'],
            host: hostname,
            port,
          },
          completed => tls.connect(completed),
        )
      : net.connect({ ...path, ...(options as object), ...local, host: hostname, port })
    if (keepAlive) socket.setKeepAlive(true, keepAliveInitialDelay)
    socket.setNoDelay(true)
    report(socket, isSecure ? 'secureConnect' : 'connect', timeout, `${hostname}:${port}`, callback)
    return socket
  }
}

/** Returns the server name. Empty for an address, which is not sent (RFC 6066 section 3). */
function servernameOf({ servername, host }: ConnectorOptions, byDefault: string | undefined): string {
  const name = servername || byDefault || host?.replace(/:\d*$/, '') || ''
  return net.isIP(name.replace(/^\[(.*)\]$/, '$1')) ? '' : name
}

/** Calls back once with the result of the attempt. */
function report(
  socket: net.Socket,
  event: string,
  timeout: number,
  peer: string,
  callback: ConnectorCallback,
): void {
  const onTimeout = () => {
    const error = new Error(`Connect Timeout Error (attempted address: ${peer}, timeout: ${timeout}ms)`)
    socket.destroy(Object.assign(error, { code: 'UND_ERR_CONNECT_TIMEOUT' }))
  }
  const timer = timeout > 0 ? setTimeout(onTimeout, timeout) : undefined
  const onConnect = () => {
    end()
    callback(null, socket)
  }
  const onError = (error: Error) => {
    end()
    callback(error, null)
  }
  const end = () => {
    clearTimeout(timer)
    socket.off(event, onConnect).off('error', onError)
  }
  socket.once(event, onConnect).once('error', onError)
}
