/**
 * A service that reports to Prometheus how many of its TLS connections resume, and why the others do not.
 * grafana-dashboard.json shows these metrics.
 *
 *     node --import ./scripts/lib/typescript.mjs examples/metrics.ts
 *
 * Lines that an application needs are marked with (*). The rest is a server, and a reader of the metrics.
 */
import { once } from 'node:events'
import http from 'node:http'
import type { AddressInfo } from 'node:net'
import tls from 'node:tls'
import { register } from 'prom-client' // (*)
import { connect } from 'tls-resumption'
import { collect } from 'tls-resumption/metrics' // (*)
import { createAuthority } from '../fixtures/certificates.ts'

collect(register) // (*)
const metrics = http.createServer(async (_request, response) => {
  response.setHeader('content-type', register.contentType).end(await register.metrics()) // (*)
})

const { cert: ca, issue } = await createAuthority({ algorithm: 'ecdsa' })
const identity = await issue({ usage: 'server', commonName: 'localhost' })
const server = tls.createServer(identity, socket => socket.end('hello'))
await Promise.all([metrics, server].map(each => once(each.listen(0, '127.0.0.1'), 'listening')))
const [metricsPort, port] = [metrics, server].map(each => (each.address() as AddressInfo).port)

for (let n = 0; n < 3; n++) {
  const socket = connect({ host: 'localhost', port, ca })
  socket.resume()
  await once(socket, 'close')
}

const text = await (await fetch(`http://127.0.0.1:${metricsPort}/metrics`)).text()
const lines: string[] = text.match(/^tls_resumption_client_connections_total.* [1-9]\d*$/gm) ?? []
console.log(lines.join('\n'))

server.close()
metrics.close()
if (!lines.includes('tls_resumption_client_connections_total{outcome="resumed"} 2')) process.exitCode = 1
