import assert from 'node:assert/strict'
import pg from 'pg'
import { settings, visit } from './lib.mjs'

const { ca, host, port, user, database } = settings

await visit(async index => {
  const client = new pg.Client({ host, port, user, database, ssl: { ca } })
  await client.connect()
  const { rows } = await client.query('select $1::int as value', [index])
  assert.equal(rows[0].value, index)
  await client.end()
})
