/** The recorded results of `npm run test:servers -- --record`, and the table of them in the documents. */
import test from 'ava'
import { drivers } from '../e2e/drivers/drivers.ts'
import { recorded } from '../e2e/drivers/record.ts'
import { inDocument, tableOf } from '../e2e/drivers/table.ts'

const entries = recorded()

test('drivers table: the document shows the recorded results', t => {
  t.is(inDocument.read(), tableOf(entries))
})

test('drivers table: every driver is recorded on the oldest and newest Node.js with both TLS versions', t => {
  for (const { title } of Object.values(drivers)) {
    for (const node of ['20', '26']) {
      for (const protocol of ['TLSv1.2', 'TLSv1.3']) {
        const found = entries.filter(
          entry => entry.driver === title && entry.node.startsWith(`${node}.`) && entry.protocol === protocol,
        )
        for (const how of ['off', 'auto']) {
          t.true(
            found.some(entry => entry.how === how),
            `${title}, Node ${node}, ${protocol}, ${how}`,
          )
        }
      }
    }
  }
})

test('drivers table: with the package all reconnects resumed, except to a server that never resumes', t => {
  for (const { how, server, driver, visits, workerFirst } of entries) {
    if (how === 'off' || server === 'PostgreSQL') continue
    t.regex(visits, /^FR*( R+)+ \|( R+)+$/, `${driver}, ${server}`)
    t.is(workerFirst, 'resumed')
  }
})
