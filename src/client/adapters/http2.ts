import type http2 from 'node:http2'
import net from 'node:net'
import tls from 'node:tls'
import { checkOptionBag } from '../../util/validate.js'
import { connectWith } from '../connect.js'
import { checkResumptionOptions, RESUMPTION_OPTIONS, type ResumptionOptions } from '../resumption-options.js'

/** The option `createConnection` of `http2.connect`. */
export type Http2CreateConnection = (
  authority: URL,
  options: http2.SecureClientSessionOptions,
) => tls.TLSSocket | net.Socket

/**
 * Returns a `createConnection` for `http2.connect` whose connections resume. It connects `http:` authorities as Node
 * does.
 *
 * @throws `ERR_INVALID_ARG_TYPE`, `ERR_OUT_OF_RANGE` or `ERR_TLS_RESUMPTION_UNKNOWN_OPTION` for a wrong option.
 *
 * @example
 * ```ts
 * import http2 from 'node:http2'
 * import { http2CreateConnection } from 'tls-resumption'
 *
 * const session = http2.connect('https://service.example', { createConnection: http2CreateConnection() })
 * ```
 */
export function http2CreateConnection(resumption: ResumptionOptions = {}): Http2CreateConnection {
  checkOptionBag('options', resumption, RESUMPTION_OPTIONS)
  checkResumptionOptions(resumption)
  const { sessionCache, cachePartition, coalesce, maxAge } = resumption
  return (authority, { createConnection: _, ...options }) => {
    const endpoint = readAuthority(authority)
    if (authority.protocol === 'http:') return net.connect({ ...endpoint, ...(options as object) })
    const byDefault = net.isIP(endpoint.host) ? undefined : endpoint.host
    return connectWith(
      {
        ...endpoint,
        ...options,
        // As http2.connect does: an empty name counts as none.
        ...(!options.servername && byDefault !== undefined && { servername: byDefault }),
        ALPNProtocols: ['h2'],
        sessionCache,
        cachePartition,
        coalesce,
        maxAge,
      },
      completed => tls.connect(completed),
    )
  }
}

/** Reads host and port of an authority, a URL or an object like one, as `http2.connect` does. */
function readAuthority({ protocol, hostname, host, port }: URL): { host: string; port: number } {
  const name = hostname ? hostname.replace(/^\[(.*)\]$/, '$1') : host
  return { host: name || 'localhost', port: Number(port || (protocol === 'http:' ? 80 : 443)) }
}
