/** Pins the authority in `checkServerIdentity` and again on the socket of the response: with got, axios and undici. */
import assert from 'node:assert/strict'
import { X509Certificate } from 'node:crypto'
import https from 'node:https'
import tls from 'node:tls'
import axios from 'axios'
import got from 'got'
import { Agent, request } from 'undici'
import { settings, startWeb, visit } from './lib.mjs'

const { ca } = settings
const { fingerprint256 } = new X509Certificate(ca)
const { port } = await startWeb()
const url = `https://localhost:${port}/pinned`

/** As applications do: walks up until a certificate is its own issuer. */
function checkServerIdentity(host, certificate) {
  let top = certificate
  while (top.issuerCertificate !== top) top = top.issuerCertificate
  if (top.fingerprint256 !== fingerprint256) return new Error('the authority is not the one that is pinned')
  return tls.checkServerIdentity(host, certificate)
}

function assertPinned(socket) {
  assert.equal(checkServerIdentity('localhost', socket.getPeerCertificate(true)), undefined)
  assert.equal(socket.getPeerX509Certificate().checkHost('localhost'), 'localhost')
}

await visit(async () => {
  const viaGot = got(url, { https: { certificateAuthority: ca, checkServerIdentity }, retry: { limit: 0 } })
  viaGot.on('response', response => assertPinned(response.socket))
  assert.equal((await viaGot).body, '/pinned')

  const agent = new https.Agent({ ca, checkServerIdentity })
  const pinned = new Promise((resolve, reject) => {
    agent.once('keylog', (_line, socket) =>
      socket.once('secureConnect', () => {
        try {
          resolve(assertPinned(socket))
        } catch (error) {
          reject(error)
        }
      }),
    )
  })
  assert.equal((await axios.get(url, { httpsAgent: agent })).data, '/pinned')
  await pinned

  const dispatcher = new Agent({ connect: { ca, checkServerIdentity } })
  assert.equal(await (await request(url, { dispatcher })).body.text(), '/pinned')
  await dispatcher.close()
})
