/** The table of clients is what `npm run test:interop -- --record` wrote, and says that all is well. */
import test from 'ava'
import { kinds, placements } from '../e2e/clients/kinds.ts'
import { recorded } from '../e2e/clients/record.ts'
import { tableInPage, tableOf } from '../e2e/clients/table.ts'

const entries = recorded()
const CLIENTS = ['openssl', 'gnutls', 'curl', 'Go', 'Python', 'rustls', 'Java', 'Chromium']

test('the table is that of what is recorded', t => {
  t.is(tableInPage(), tableOf(entries))
})

test('every client is in it, by every mechanism, at every placement', t => {
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

test('all connections resumed for which there was a session, but those of clients that never do, with the reason', t => {
  for (const { client, connections, never } of entries) {
    if (never === undefined) t.regex(connections, /^F( F){0,2}( R)+$/, client)
    else t.regex(connections, /^F( F)+$/, client)
  }
})
