import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { got } from 'got'

export async function visit({ host, port, ca, http2 = false }, ours) {
  const value = randomUUID()
  const agent = ours && new ours.HttpsAgent()
  const { body, request } = await got(`https://${host}:${port}/?value=${value}`, {
    http2,
    https: { certificateAuthority: ca },
    retry: { limit: 0 },
    ...(agent && { agent: { https: agent } }),
  })
  assert.equal(body, value)
  assert.equal(request.response?.httpVersion, http2 ? '2.0' : '1.1')
  agent?.destroy()
}
