import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import mariadb from 'mariadb'

export async function visit({ host, port, ca, user, password }) {
  const connection = await mariadb.createConnection({ host, port, user, password, ssl: { ca } })
  try {
    const value = randomUUID()
    const [row] = await connection.query('SELECT ? AS value', [value])
    assert.equal(row.value, value)
    const [cipher] = await connection.query("SHOW SESSION STATUS LIKE 'Ssl_cipher'")
    assert.notEqual(cipher.Value, '', 'the connection is not encrypted')
  } finally {
    await connection.end()
  }
}
