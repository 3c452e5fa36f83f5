import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { WebSocket } from 'ws'

export async function visit({ host, port, ca }, ours) {
  const agent = ours && new ours.HttpsAgent()
  const socket = new WebSocket(`wss://${host}:${port}/ws`, { ca, ...(agent && { agent }) })
  try {
    await once(socket, 'open')
    const value = randomUUID()
    socket.send(value)
    const [data] = await once(socket, 'message')
    assert.equal(data.toString(), value)
  } finally {
    const closed = once(socket, 'close')
    socket.close()
    await closed
    agent?.destroy()
  }
}
