import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { connect } from 'amqplib'

export async function visit({ host, port, ca, user, password }) {
  const connection = await connect(`amqps://${user}:${password}@${host}:${port}`, { ca })
  try {
    const channel = await connection.createChannel()
    const { queue } = await channel.assertQueue('', { exclusive: true })
    const value = randomUUID()
    const received = new Promise(resolve => channel.consume(queue, resolve, { noAck: true }))
    channel.sendToQueue(queue, Buffer.from(value))
    assert.equal((await received).content.toString(), value)
  } finally {
    await connection.close()
  }
}
