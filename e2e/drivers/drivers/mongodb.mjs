import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { MongoClient } from 'mongodb'

/** A pool of one connection, beside the connection by which the driver monitors the server. */
export async function visit({ host, port, ca }) {
  const client = new MongoClient(`mongodb://${host}:${port}/?directConnection=true&maxPoolSize=1`, {
    tls: true,
    ca,
    serverMonitoringMode: 'poll',
  })
  try {
    await client.connect()
    const value = randomUUID()
    const values = client.db('test').collection('values')
    await values.insertOne({ value })
    assert.equal((await values.findOne({ value }))?.value, value)
  } finally {
    await client.close()
  }
}
