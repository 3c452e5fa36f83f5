import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import https from 'node:https'
import { CreateBucketCommand, GetObjectCommand, PutObjectCommand, S3Client } from '@aws-sdk/client-s3'

/** Kept for all connections of the thread, as in a service. */
let httpsAgent
let client

/** The three requests share a connection. It is closed afterwards, as a server closes an idle one. */
export async function visit(endpoint, ours) {
  httpsAgent ??= new (ours?.HttpsAgent ?? https.Agent)({ ca: endpoint.ca, keepAlive: true })
  client ??= open(endpoint)
  const value = randomUUID()
  const object = { Bucket: value, Key: 'value' }
  await client.send(new CreateBucketCommand({ Bucket: value }))
  await client.send(new PutObjectCommand({ ...object, Body: value }))
  const { Body } = await client.send(new GetObjectCommand(object))
  assert.equal(await Body.transformToString(), value)
  httpsAgent.destroy()
}

function open({ host, port, user, password }) {
  return new S3Client({
    endpoint: `https://${host}:${port}`,
    region: 'us-east-1',
    forcePathStyle: true,
    maxAttempts: 1,
    // S3Proxy does not know the checksums that the SDK adds by default.
    requestChecksumCalculation: 'WHEN_REQUIRED',
    credentials: { accessKeyId: user, secretAccessKey: password },
    requestHandler: { httpsAgent },
  })
}
