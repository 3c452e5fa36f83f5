import assert from 'node:assert/strict'
import { MongoClient } from 'mongodb'
import { settings, visit } from './lib.mjs'

const { ca, host, port } = settings

await visit(async index => {
  const client = new MongoClient(`mongodb://${host}:${port}/?directConnection=true&maxPoolSize=2`, {
    tls: true,
    ca,
    serverMonitoringMode: 'poll',
  })
  await client.connect()
  const values = client.db('test').collection('values')
  await Promise.all([1, 2, 3].map(number => values.insertOne({ index, number })))
  assert((await values.countDocuments({ index })) >= 3)
  await client.close()
})
