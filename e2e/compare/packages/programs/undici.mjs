/** Requests of HTTP/1.1 and HTTP/2, with pools that close and one that stays, and by its own fetch. */
import assert from 'node:assert/strict'
import http2 from 'node:http2'
import { Agent, Client, fetch, Pool, request } from 'undici'
import { counted, listen, settings, startWeb, visit } from './lib.mjs'

const { ca, cert, key } = settings
const { port } = await startWeb()
const server2 = http2.createSecureServer({ cert, key }, (request, response) => response.end(request.url))
const port2 = await listen(counted(server2))
const agent = new Agent({ connect: { ca }, keepAliveTimeout: 10 })

await visit(async index => {
  const path = `/${index}`
  const pool = new Pool(`https://localhost:${port}`, { connect: { ca }, connections: 4 })
  const bodies = await Promise.all(
    [1, 2, 3, 4].map(async () => (await pool.request({ method: 'GET', path })).body.text()),
  )
  assert.deepEqual(bodies, [path, path, path, path])
  await pool.close()

  const client = new Client(`https://localhost:${port2}`, { connect: { ca }, allowH2: true })
  assert.equal(await (await client.request({ method: 'GET', path })).body.text(), path)
  await client.close()

  const { body } = await request(`https://localhost:${port}${path}`, { dispatcher: agent })
  assert.equal(await body.text(), path)
  assert.equal(await (await fetch(`https://localhost:${port}${path}`, { dispatcher: agent })).text(), path)
  await assert.rejects(fetch(`https://localhost:${port}/`), { message: 'fetch failed' })
})
