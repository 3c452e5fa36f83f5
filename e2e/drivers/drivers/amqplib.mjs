import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { connect } from 'amqplib'

/**
 * Those that Erlang/OTP 25 knows. When it is offered a ticket it writes the client's hello anew, fails at a scheme of
 * newer OpenSSL's (Node 22 and later), and does no TLS 1.3 from then on: with any client, and with or without us.
 */
const sigalgs = ['ecdsa_secp256r1_sha256', 'rsa_pss_rsae_sha256', 'rsa_pkcs1_sha256'].join(':')

export async function visit({ host, port, ca, user, password }) {
  const connection = await connect(`amqps://${user}:${password}@${host}:${port}`, { ca, sigalgs })
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
