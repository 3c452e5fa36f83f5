import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { Agent, request } from 'undici'

export async function visit({ host, port, ca }, ours) {
  const value = randomUUID()
  const dispatcher = new Agent({ connect: ours ? ours.buildConnector({ ca }) : { ca } })
  const { body } = await request(`https://${host}:${port}/?value=${value}`, { dispatcher })
  assert.equal(await body.text(), value)
  await dispatcher.close()
}
