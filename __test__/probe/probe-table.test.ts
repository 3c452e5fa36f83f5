/** The table in docs/probe.md is what `npm run test:probe -- --record` wrote, of all servers, and each was confirmed. */
import test from 'ava'
import { inDocument, recorded, tableOf } from '../../e2e/probe/record.ts'
import { servers } from '../../e2e/probe/servers.ts'

const entries = recorded()

test('the table is that of what is recorded', t => {
  t.is(inDocument.read(), tableOf(entries))
})

test('all servers are in it, and the probe says of each what is known of it', t => {
  t.deepEqual(
    entries.map(({ server }) => server),
    Object.values(servers).map(({ name }) => name),
  )
  for (const { server, versions } of entries) {
    const known = Object.values(servers).find(({ name }) => name === server)
    t.deepEqual(
      versions.map(({ version }) => version),
      ['TLSv1.3', 'TLSv1.2'],
    )
    for (const found of versions) t.like(found, known?.[found.version] ?? t.fail())
  }
})

test('every one of them was compared with the bytes on the wire and with a capture', t => {
  for (const { confirmedBy } of entries) t.deepEqual(confirmedBy, ['wire', 'capture'])
})
