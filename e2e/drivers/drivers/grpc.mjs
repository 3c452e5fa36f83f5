import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { promisify } from 'node:util'
import { Client, credentials } from '@grpc/grpc-js'

export async function visit({ host, port, ca }) {
  const client = new Client(`${host}:${port}`, credentials.createSsl(Buffer.from(ca)))
  const call = promisify(client.makeUnaryRequest.bind(client))
  const asIs = bytes => bytes
  try {
    const value = randomUUID()
    assert.equal(`${await call('/test.Echo/Echo', asIs, asIs, Buffer.from(value))}`, value)
  } finally {
    client.close()
  }
}
