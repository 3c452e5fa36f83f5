/** The README's table of drivers is what `npm run test:servers -- --record` wrote, and says that all is well. */
import test from 'ava'
import { drivers } from '../e2e/drivers/drivers.ts'
import { recorded } from '../e2e/drivers/record.ts'
import { inReadme, tableOf } from '../e2e/drivers/table.ts'

const entries = recorded()

test('the table is that of what is recorded', t => {
  t.is(inReadme.read(), tableOf(entries))
})

test('every driver is in it, on the oldest and the newest Node.js, with both versions of TLS', t => {
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

test('with us all reconnects resumed, the second thread’s first one too, but those to a server that never does', t => {
  for (const { how, server, driver, visits, workerFirst } of entries) {
    if (how === 'off' || server === 'PostgreSQL') continue
    t.regex(visits, /^FR*( R+)+ \|( R+)+$/, `${driver}, ${server}`)
    t.is(workerFirst, 'resumed')
  }
})
