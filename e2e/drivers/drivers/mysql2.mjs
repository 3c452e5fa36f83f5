import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import mysql from 'mysql2/promise'

/** One object for all connections, as in a pool: the driver keeps its own sessions by it. */
const ssl = {}

export async function visit({ host, port, ca, user, password, verifyIdentity = false }) {
  ssl.ca ??= ca
  ssl.verifyIdentity = verifyIdentity
  const connection = await mysql.createConnection({ host, port, user, password, ssl })
  try {
    const value = randomUUID()
    const [[row]] = await connection.query('SELECT ? AS value', [value])
    assert.equal(row.value, value)
    const [[cipher]] = await connection.query("SHOW SESSION STATUS LIKE 'Ssl_cipher'")
    assert.notEqual(cipher.Value, '', 'the connection is not encrypted')
  } finally {
    await connection.end()
  }
}
