/**
 * A program that visits servers by https, fetch, pg and mysql2, without a line about this package. It answers each message with
 * the milliseconds from dialling to the first byte of the answer. For a `fresh` visit it forgets its sessions first.
 */
import { once } from 'node:events'
import https from 'node:https'
import { createRequire } from 'node:module'
import { loadedFiles } from '../lib/loaded.mjs'

const require = createRequire(new URL('../../e2e/drivers/', import.meta.url))
const ours = process.argv.includes('--forget') ? await import('tls-resumption') : undefined

let agent = new https.Agent()
/** The driver keeps its own sessions by this object. */
let ssl = {}

const visits = {
  async https({ port, ca }) {
    const [response] = await once(
      https.get({ host: 'localhost', port, ca, agent, path: '/?value=1' }),
      'response',
    )
    return response.resume()
  },
  async fetch({ port }) {
    const response = await fetch(`https://localhost:${port}/?value=1`)
    return { after: () => response.text() }
  },
  async pg({ port, ca, user, database }) {
    const { Client } = require('pg')
    const client = new Client({ host: 'localhost', port, user, database, ssl: { ca } })
    await client.connect()
    await client.query('SELECT 1')
    return { after: () => client.end() }
  },
  async mysql2({ port, ca, user, password }) {
    const mysql = require('mysql2/promise')
    ssl.ca ??= ca
    const connection = await mysql.createConnection({ host: 'localhost', port, user, password, ssl })
    await connection.query('SELECT 1')
    return { after: () => connection.end() }
  },
}

process.on('message', async ({ driver, endpoint, fresh }) => {
  if (driver === undefined) return process.send(loadedFiles())
  if (fresh) {
    agent = new https.Agent()
    ssl = {}
    ours?.purge()
  }
  const started = performance.now()
  const visit = await visits[driver](endpoint)
  const millis = performance.now() - started
  await visit.after?.()
  process.send(millis)
})
process.on('disconnect', () => process.exit())
