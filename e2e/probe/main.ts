/**
 * `npm run test:probe [-- NAME …] [--capture] [--record]`: starts real servers on loopback and probes them with the
 * command. See `scripts/test/probe.mjs`.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import type { PeerFindings } from '../../dist/probe/findings.js'
import { provide } from '../drivers/debian.ts'
import type { Running, Site } from '../drivers/site.ts'
import { chosen, openWorkshop } from '../drivers/workshop.ts'
import { capture, read } from './capture.ts'
import { faults } from './judge.ts'
import { type Entry, entryOf, record } from './record.ts'
import { type ProbedServer, servers } from './servers.ts'

const program = fileURLToPath(new URL('../../lib/cli.js', import.meta.url))
const TIMEOUT = 60_000

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { record: { type: 'boolean' }, capture: { type: 'boolean' } },
})
const wanted = chosen(servers, positionals)
const withSite = await openWorkshop()
const entries: Entry[] = []
let failed = 0
if (values.capture) {
  await provide('tcpdump', ['tcpdump'])
  await provide('tshark', ['tshark'])
}
for (const [name, server] of wanted) {
  try {
    await withSite(name, server, (site, running) => tried(server, site, running))
  } catch (error) {
    failed++
    process.stdout.write(`✘ ${server.name}: ${error instanceof Error ? error.message : error}\n`)
  }
}
if (values.record) {
  if (failed > 0 || positionals.length > 0)
    process.stderr.write('only a run of all servers is recorded, if all is well\n')
  else record(entries)
}
process.stdout.write(`\n${entries.length} passed, ${failed} failed\n`)
process.exit(failed === 0 ? 0 : 1)

async function tried(server: ProbedServer, site: Site, { version }: Running): Promise<void> {
  const [packets, keyLog] = [site.path('packets'), site.path('secrets')]
  const stopCapture = values.capture ? await capture(site.relay.port, packets) : undefined
  const findings = await probed(server, site, keyLog)
  const wire = await site.relay.take(TIMEOUT)
  await stopCapture?.()
  const captured = values.capture ? await read(packets, keyLog, site.relay.port, server.startTls) : undefined
  const wrong = faults(server, findings, wire, captured)
  process.stdout.write(`${wrong.length > 0 ? '✘' : '✔'} ${server.name} ${version}: ${findings.verdict}\n`)
  for (const fault of wrong) process.stdout.write(`    ${fault}\n`)
  if (wrong.length > 0) failed++
  else {
    const confirmedBy: Entry['confirmedBy'] = captured ? ['wire', 'capture'] : ['wire']
    const { node } = process.versions
    entries.push(entryOf(findings, { server: server.name, serverVersion: version, node, confirmedBy }))
  }
}

/** Returns the output of the command for the server. */
async function probed(server: ProbedServer, site: Site, keyLog: string): Promise<PeerFindings> {
  const { startTls = 'none' } = server
  const { ca, clientCert, clientKey } = site.files
  const child = spawn(
    process.execPath,
    [
      ...(values.capture ? ['--no-warnings', `--tls-keylog=${keyLog}`] : []),
      program,
      ...['probe', `localhost:${site.relay.port}`, '--address', '127.0.0.1', '--starttls', startTls],
      ...['--ca', ca, '--cert', clientCert, '--key', clientKey, '--tries', '3', '--json'],
    ],
    { stdio: ['ignore', 'pipe', 'inherit'], env: { ...process.env, NODE_OPTIONS: '' } },
  )
  const [[code], output] = await Promise.all([once(child, 'exit'), text(child.stdout)])
  const [findings] = JSON.parse(output).peers
  const expected = server['TLSv1.3'].resumes ? 0 : 1
  if (code !== expected)
    throw new Error(`the command ended with ${code}, and not ${expected}: ${findings.verdict}`)
  return findings
}
