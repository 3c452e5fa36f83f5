import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { Kafka, logLevel } from 'kafkajs'

export async function visit({ host, port, ca, cert, key }, ours) {
  const kafka = new Kafka({
    brokers: [`${host}:${port}`],
    ssl: { ca, cert, key },
    logLevel: logLevel.NOTHING,
    retry: { initialRetryTime: 100, retries: 20 },
    ...(ours && {
      socketFactory: ({ host, port, ssl, onConnect }) => ours.connect({ host, port, ...ssl }, onConnect),
    }),
  })
  const topic = `test-${randomUUID()}`
  const [admin, producer] = [kafka.admin(), kafka.producer()]
  try {
    await admin.connect()
    await producer.connect()
    await admin.createTopics({ topics: [{ topic }], waitForLeaders: true })
    await producer.send({ topic, messages: [{ value: 'a' }, { value: 'b' }] })
    const [{ high }] = await admin.fetchTopicOffsets(topic)
    assert.equal(high, '2')
  } finally {
    await producer.disconnect()
    await admin.disconnect()
  }
}
