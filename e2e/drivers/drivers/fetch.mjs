import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'

/**
 * Node's own fetch has no option for authorities. It trusts this one by NODE_EXTRA_CA_CERTS. The package undici would replace
 * the dispatcher of Node's fetch, so it is only loaded for its option.
 */
export async function visit({ host, port, ca }, ours) {
  const value = randomUUID()
  const dispatcher = ours && (await agentOf(ours, ca))
  const response = await fetch(`https://${host}:${port}/?value=${value}`, { ...(ours && { dispatcher }) })
  assert.equal(await response.text(), value)
  await dispatcher?.close()
}

async function agentOf({ buildConnector }, ca) {
  const { Agent } = await import('undici')
  return new Agent({ connect: buildConnector({ ca }) })
}
