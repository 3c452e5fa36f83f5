/** The recorded results of `npm run test:interop -- --record`, and the table of them in the documents. */
import test from 'ava'
import { kinds, placements } from '../e2e/clients/kinds.ts'
import { recorded } from '../e2e/clients/record.ts'
import { tableInPage, tableOf } from '../e2e/clients/table.ts'

const entries = recorded()
const CLIENTS = ['openssl', 'gnutls', 'curl', 'Go', 'Python', 'rustls', 'Java', 'Chromium']

test('clients table: the document shows the recorded results', t => {
  t.is(tableInPage(), tableOf(entries))
})

test('clients table: every client is recorded with every mechanism and placement', t => {
  for (const client of CLIENTS) {
    for (const { protocol, mechanism } of kinds) {
      for (const placement of placements) {
        const found = entries.some(
          entry =>
            entry.client.includes(client) &&
            entry.protocol === protocol &&
            entry.mechanism === mechanism &&
            entry.placement === placement,
        )
        t.true(found, `${client}, ${protocol}, ${mechanism}, ${placement}`)
      }
    }
  }
})

test('clients table: all connections with a session resumed, except of clients that never resume', t => {
  for (const { client, connections, never } of entries) {
    if (never === undefined) t.regex(connections, /^F( F){0,2}( R)+$/, client)
    else t.regex(connections, /^F( F)+$/, client)
  }
})
