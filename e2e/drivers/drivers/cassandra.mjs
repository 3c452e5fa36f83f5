import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import cassandra from 'cassandra-driver'

/**
 * By address, as drivers find the nodes of a cluster. By default the driver verifies no server.
 *
 * The protocol version is set, because Cassandra answers a first message with an unknown version twice over TLS
 * 1.3. The driver then uses a stream id twice and waits forever, with this package or without.
 */
export async function visit({ address, port, ca, cert, key }) {
  const client = new cassandra.Client({
    contactPoints: [`${address}:${port}`],
    protocolOptions: { port, maxVersion: cassandra.types.protocolVersion.v4 },
    localDataCenter: 'datacenter1',
    sslOptions: { ca, cert, key, rejectUnauthorized: true },
  })
  try {
    await client.connect()
    const value = randomUUID()
    await client.execute(
      "CREATE KEYSPACE IF NOT EXISTS test WITH replication = { 'class': 'SimpleStrategy', 'replication_factor': 1 }",
    )
    await client.execute('CREATE TABLE IF NOT EXISTS test.values (value text PRIMARY KEY)')
    await client.execute('INSERT INTO test.values (value) VALUES (?)', [value], { prepare: true })
    const { rows } = await client.execute('SELECT value FROM test.values WHERE value = ?', [value], {
      prepare: true,
    })
    assert.equal(rows[0].value, value)
  } finally {
    await client.shutdown()
  }
}
