import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import pg from 'pg'

export async function visit({ host, port, ca, user, database }) {
  const client = new pg.Client({ host, port, user, database, ssl: { ca } })
  try {
    await client.connect()
    const value = randomUUID()
    const { rows } = await client.query('SELECT $1::text AS value', [value])
    assert.deepEqual(rows, [{ value }])
  } finally {
    await client.end()
  }
}
