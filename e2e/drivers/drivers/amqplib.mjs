import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { connect } from 'amqplib'

/**
 * The signature algorithms of Erlang/OTP 25. If a ticket is offered, it encodes the ClientHello again, and fails at
 * an algorithm of a newer OpenSSL (Node 22 and later). After that it does no TLS 1.3, with any client, with this
 * package or without.
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
