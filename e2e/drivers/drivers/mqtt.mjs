import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import mqtt from 'mqtt'

export async function visit({ host, port, ca, cert, key }, ours) {
  const options = { protocol: 'mqtts', host, port, ca, cert, key, reconnectPeriod: 0 }
  const client = ours
    ? new mqtt.MqttClient(() => ours.connect({ host, port, ca, cert, key }), options)
    : mqtt.connect(options)
  try {
    await once(client, 'connect')
    const value = randomUUID()
    await client.subscribeAsync(value)
    const received = once(client, 'message')
    await client.publishAsync(value, value)
    const [, payload] = await received
    assert.equal(payload.toString(), value)
  } finally {
    await client.endAsync()
  }
}
