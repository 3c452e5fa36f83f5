import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { Agent } from 'undici'

/** Node's own fetch has no option for authorities. It trusts this one by NODE_EXTRA_CA_CERTS. */
export async function visit({ host, port, ca }, ours) {
  const value = randomUUID()
  const dispatcher = ours && new Agent({ connect: ours.buildConnector({ ca }) })
  const response = await fetch(`https://${host}:${port}/?value=${value}`, { ...(ours && { dispatcher }) })
  assert.equal(await response.text(), value)
  await dispatcher?.close()
}
