import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import https from 'node:https'
import { text } from 'node:stream/consumers'

export async function visit({ host, port, ca }, ours) {
  const value = randomUUID()
  const agent = ours && new ours.HttpsAgent()
  const request = https.get({ host, port, ca, path: `/?value=${value}`, ...(agent && { agent }) })
  const [response] = await once(request, 'response')
  assert.equal(await text(response), value)
  agent?.destroy()
}
