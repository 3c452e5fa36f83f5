import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { Redis } from 'ioredis'
import AbstractConnector from 'ioredis/built/connectors/AbstractConnector.js'

export async function visit({ host, port, ca, cert, key }, ours) {
  const tls = { ca, cert, key }
  class Connector extends AbstractConnector.default {
    async connect() {
      this.connecting = true
      this.stream = ours.connect({ host, port, ...tls })
      return this.stream
    }
  }
  const redis = new Redis({
    host,
    port,
    tls,
    lazyConnect: true,
    retryStrategy: null,
    ...(ours && { Connector }),
  })
  try {
    await redis.connect()
    const value = randomUUID()
    await redis.set('ioredis', value)
    assert.equal(await redis.get('ioredis'), value)
  } finally {
    await redis.quit()
  }
}
