/**
 * The process that connects: goes through the ways from a given one on and prints a line of JSON for each visit. A way
 * that ends the process is known by its `begin` without an `end`.
 */
import { readFileSync } from 'node:fs'
import { describeError, startRecording } from './recorder.mjs'
import { ways } from './ways.mjs'
import { sleep, World } from './world.mjs'

const { pki, directory, skip, only } = JSON.parse(readFileSync(process.argv[2], 'utf8'))
const MAX_VISIT_MS = 5000
const VISITS = ['cold', 'second', 'third']

startRecording()
let noteProcess = () => {}
process.on('uncaughtException', error => noteProcess(`uncaughtException ${describeError(error)}`))
process.on('unhandledRejection', error => noteProcess(`unhandledRejection ${describeError(error)}`))
process.on('warning', warning => noteProcess(`warning ${describeError(warning)}`))

const cases = ways
  .filter(({ name }) => !only || only.includes(name))
  .flatMap(way => (way.versions ?? ['TLSv1.2', 'TLSv1.3']).map(version => ({ way, version })))
for (const [index, { way, version }] of cases.entries()) {
  if (index < skip) continue
  const key = `${way.name} · ${version}`
  say({ begin: key, index })
  const world = new World({ pki, version, directory })
  try {
    await (way.server ?? (t => t.echo()))(world)
    for (const visit of VISITS) say({ end: `${key} · ${visit}`, ...(await visitOnce(way, world, visit)) })
  } catch (error) {
    say({ end: key, record: { failed: error.stack } })
  }
  await world.close()
}
say({ done: cases.length })
process.exit(0)

async function visitOnce(way, world, visit) {
  const record = world.begin(visit)
  noteProcess = text => world.note(text, 'process')
  const started = performance.now()
  const visiting = (async () => way.run(world))().catch(error =>
    world.note(`way failed: ${describeError(error)}`),
  )
  const hung = sleep(MAX_VISIT_MS).then(() => 'hung')
  if ((await Promise.race([visiting, hung])) === 'hung') record.hung = true
  const ms = performance.now() - started
  await world.settle()
  const { reused, ...seen } = record
  return { ms, reused, record: seen }
}

function say(message) {
  process.stdout.write(`${JSON.stringify(message)}\n`)
}
