import assert from 'node:assert/strict'
import grpc from '@grpc/grpc-js'
import { settings, visit } from './lib.mjs'

const { ca, cert, key } = settings
const asIs = { serialize: value => value, deserialize: value => value }
const service = {
  echo: {
    path: '/test.Echo/Echo',
    requestStream: false,
    responseStream: false,
    requestSerialize: asIs.serialize,
    requestDeserialize: asIs.deserialize,
    responseSerialize: asIs.serialize,
    responseDeserialize: asIs.deserialize,
  },
}
const server = new grpc.Server()
server.addService(service, { echo: (call, callback) => callback(null, call.request) })
const identity = { cert_chain: Buffer.from(cert), private_key: Buffer.from(key) }
const port = await new Promise((resolve, reject) => {
  server.bindAsync('127.0.0.1:0', grpc.ServerCredentials.createSsl(null, [identity]), (error, bound) =>
    error ? reject(error) : resolve(bound),
  )
})
const Client = grpc.makeGenericClientConstructor(service, 'Echo')

await visit(async () => {
  const client = new Client(`localhost:${port}`, grpc.credentials.createSsl(Buffer.from(ca)), {
    'grpc.use_local_subchannel_pool': 1,
  })
  const answer = await new Promise((resolve, reject) => {
    client.echo(Buffer.from('word'), { deadline: Date.now() + 5000 }, (error, value) =>
      error ? reject(error) : resolve(value),
    )
  })
  assert.equal(String(answer), 'word')
  client.close()
})
