import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { Agent, request } from 'undici'

/** Kept for all connections of the thread, as in a service. */
let dispatcher

export async function visit({ host, port, ca }, ours) {
  const value = randomUUID()
  dispatcher ??= new Agent({ connect: ours ? ours.buildConnector({ ca }) : { ca } })
  const { body } = await request(`https://${host}:${port}/?value=${value}`, { dispatcher })
  assert.equal(await body.text(), value)
}
