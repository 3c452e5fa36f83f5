import assert from 'node:assert/strict'
import mysql from 'mysql2/promise'
import { settings, visit } from './lib.mjs'

const { ca, host, port, user, password } = settings

await visit(async index => {
  const connection = await mysql.createConnection({
    host,
    port,
    user,
    password,
    ssl: { ca, verifyIdentity: true },
  })
  const [rows] = await connection.query('select ? as value', [index])
  assert.equal(rows[0].value, index)
  await connection.end()
})
