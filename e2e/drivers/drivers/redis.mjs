import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { createClient } from 'redis'

export async function visit({ host, port, ca, cert, key }) {
  const client = createClient({ socket: { host, port, tls: true, ca, cert, key, reconnectStrategy: false } })
  client.on('error', () => {})
  try {
    await client.connect()
    const value = randomUUID()
    await client.set('redis', value)
    assert.equal(await client.get('redis'), value)
  } finally {
    if (client.isOpen) await client.close()
  }
}
