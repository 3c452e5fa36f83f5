/** The recorded findings of `npm run test:probe -- --record` and the table of them in the documents. */
import test from 'ava'
import { inDocument, recorded, tableOf } from '../../e2e/probe/record.ts'
import { servers } from '../../e2e/probe/servers.ts'

const entries = recorded()

test('probe table: the document shows the recorded findings', t => {
  t.is(inDocument.read(), tableOf(entries))
})

test('probe table: all servers are recorded, with their known behaviour', t => {
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

test('probe table: every server was compared with the wire and with a capture', t => {
  for (const { confirmedBy } of entries) t.deepEqual(confirmedBy, ['wire', 'capture'])
})
