import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import https from 'node:https'
import axios from 'axios'

/** Kept for all connections of the thread, as in a service. */
let httpsAgent

export async function visit({ host, port, ca }, ours) {
  const value = randomUUID()
  httpsAgent ??= ours ? new ours.HttpsAgent({ ca }) : new https.Agent({ ca })
  const { data } = await axios.get(`https://${host}:${port}/?value=${value}`, { httpsAgent })
  assert.equal(data, value)
}
