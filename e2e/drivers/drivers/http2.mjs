import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import http2 from 'node:http2'
import { text } from 'node:stream/consumers'

export async function visit({ host, port, ca }, ours) {
  const session = http2.connect(`https://${host}:${port}`, {
    ca,
    ...(ours && { createConnection: ours.http2CreateConnection() }),
  })
  try {
    await once(session, 'connect')
    const value = randomUUID()
    assert.equal(await text(session.request({ ':path': `/?value=${value}` })), value)
  } finally {
    session.close()
  }
}
