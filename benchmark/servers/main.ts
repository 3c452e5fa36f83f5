/** `npm run bench:servers`: what resuming saves a server, by ids and by tickets, and what a rotation costs. */
import { execFileSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import os from 'node:os'
import { parseArgs } from 'node:util'
import Table from 'cli-table3'
import { Pki } from '../clients/pki.ts'
import { createProgress } from '../start/progress.ts'
import { handshakes } from './handshakes.ts'
import { held } from './held.ts'
import { nginxVersion } from './nginx.ts'
import { ownCosts } from './own-cost.ts'
import { ROTATIONS, rotations, WORKERS } from './rotation.ts'
import { realSession } from './session.ts'

const { values } = parseArgs({
  options: { rounds: { type: 'string', default: '20' }, json: { type: 'string' } },
})
const rounds = Number(values.rounds)
if (!Number.isInteger(rounds) || rounds < 1)
  throw new RangeError(`--rounds must be an integer, not ${values.rounds}`)

const progress = createProgress()
progress.phase('making certificates')
const pki = await Pki.create()
const compared = await handshakes(pki, { rounds, connections: 48 }, progress.phase)
progress.phase('rotations')
const rotated = await rotations(pki)
progress.phase('a million sessions')
const million = held()
progress.phase('what our own code costs')
const own = ownCosts(await realSession())
progress.stop()

const tables = [handshakeTable(), rotationTable(), heldTable(), ownTable()]
process.stdout.write(`${tables.join('\n\n')}\n`)
if (values.json) {
  const figures = { rounds, handshakes: compared, rotations: rotated, held: million, ownCosts: own }
  writeFileSync(values.json, `${JSON.stringify({ ...conditions(), ...figures }, null, 2)}\n`)
}

function handshakeTable(): string {
  const table = newTable(['', '', 'server µs', 'of full', '95 %', 'per s', 'resumed', 'full'])
  for (const { kind, rows } of compared) {
    for (const [index, { mode, serverCpu, ratio, perSecond, resumed, full }] of rows.entries()) {
      table.push([
        index === 0 ? kind : '',
        mode,
        serverCpu.toFixed(0),
        ratio.median.toFixed(2),
        `${ratio.low.toFixed(2)}-${ratio.high.toFixed(2)}`,
        perSecond.toFixed(0),
        resumed,
        full,
      ])
    }
  }
  return table.toString()
}

function rotationTable(): string {
  const table = newTable([`${ROTATIONS} rotations under load, a cluster of ${WORKERS}`, 'resumed', 'lost'])
  for (const { mode, resumed, lost } of rotated) table.push([mode, resumed, lost])
  return table.toString()
}

function heldTable(): string {
  const head = `1M sessions of ${million[0]?.blob} bytes`
  const table = newTable([head, 'resident bytes each', 'full GC ms', 'longest delay ms'])
  for (const { mode, resident, fullGc, longestDelay } of million) {
    table.push([mode, resident.toFixed(0), fullGc.toFixed(1), longestDelay.toFixed(1)])
  }
  return table.toString()
}

function ownTable(): string {
  const table = newTable(['our part of a handshake', 'µs'])
  for (const { what, cost } of own) table.push([what, cost.toFixed(1)])
  return table.toString()
}

function newTable(head: string[]): Table.Table {
  const colAligns = head.map((name, index) =>
    index === 0 || name === '' ? 'left' : 'right',
  ) as Table.HorizontalAlignment[]
  return new Table({ head, colAligns, style: { head: [], border: [] } })
}

/** What the figures were made on. */
function conditions() {
  return {
    command: `npm run bench:servers -- --rounds ${rounds}`,
    date: new Date().toISOString().slice(0, 10),
    commit: execFileSync('git', ['rev-parse', '--short', 'HEAD'], { encoding: 'utf8' }).trim(),
    node: process.version,
    openssl: process.versions.openssl,
    nginx: nginxVersion(),
    cpu: os.cpus()[0]?.model,
    cpus: os.cpus().length,
    load: os.loadavg().map(load => Number(load.toFixed(1))),
  }
}
