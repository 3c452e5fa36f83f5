/** Requests through an HTTP proxy and through an HTTPS proxy, where TLS runs within TLS. */
import assert from 'node:assert/strict'
import http from 'node:http'
import https from 'node:https'
import net from 'node:net'
import tls from 'node:tls'
import { counted, listen, settings, startWeb, textOf, visit } from './lib.mjs'

const { ca, cert, key } = settings

export async function throughProxies(Agent) {
  const { port } = await startWeb()
  const proxies = [
    `http://localhost:${await listen(withTunnels(http.createServer()))}`,
    `https://localhost:${await listen(secured(withTunnels(http.createServer())))}`,
  ]
  await visit(async index => {
    for (const proxy of proxies) {
      const agent = agentOf(Agent, proxy)
      assert.equal(await get({ port, path: `/${index}`, agent }), `/${index}`)
    }
  })
}

/** Without ALPN: version 5 offers a protocol that no server of Node.js knows. */
function secured(server) {
  return counted(tls.createServer({ cert, key }, socket => server.emit('connection', socket)))
}

/** Version 5 takes one object, version 7 an address and options. */
function agentOf(Agent, proxy) {
  const { protocol, hostname, port } = new URL(proxy)
  if (Agent.length === 1) return new Agent({ protocol, host: hostname, port: Number(port), ca })
  return new Agent(proxy, { ca })
}

function get({ port, path, agent }) {
  return new Promise((resolve, reject) => {
    https
      .get({ host: 'localhost', port, path, agent, ca }, response => textOf(response).then(resolve, reject))
      .on('error', reject)
  })
}

function withTunnels(server) {
  return server.on('connect', (request, client) => {
    const [host, port] = request.url.split(':')
    const onward = net.connect(Number(port), host, () => {
      client.write('HTTP/1.1 200 Connection established\r\n\r\n')
      client.pipe(onward).pipe(client)
    })
    client.on('error', () => onward.destroy())
    onward.on('error', () => client.destroy())
  })
}
