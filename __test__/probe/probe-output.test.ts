/** The output of `tls-resumption probe` for people. */
import { once } from 'node:events'
import net, { type AddressInfo } from 'node:net'
import test from 'ava'
import type { PeerFindings, Timing, VersionFindings } from '../../dist/probe/findings.js'
import { tableOf } from '../../dist/probe/table.js'
import { fileWith, probe, tlsResumption } from '../support/cli.ts'
import { startServer } from '../support/server.ts'

const plain = (_: string, text: string) => text

/** JSON has null where the findings have no value. */
function withoutNulls(findings: PeerFindings): PeerFindings {
  return JSON.parse(JSON.stringify(findings), (_, value) => value ?? undefined)
}

for (const width of [60, 80, 120]) {
  test(`probe output: no line is longer than ${width} columns, and no word is broken`, async t => {
    const findings = withoutNulls(await probe(t, await startServer(t)))
    const text = tableOf(findings, plain, width)
    for (const line of text.split('\n')) t.true(line.length <= width, line)
    const words = (each: string) => each.split(/\s+/).filter(Boolean)
    for (const word of words(tableOf(findings, plain, 1000))) t.true(words(text).includes(word), word)
  })
}

const measured = (full: number[], resumed: number[]): Timing => {
  const spread = ([least = 0, median = 0, largest = 0]: number[]) => ({ least, median, largest })
  const of = (figures: number[]) => ({ handshakeMs: spread(figures), cpuMs: spread(figures) })
  const saved = (full[1] ?? 0) - (resumed[1] ?? 0)
  const savedPerThousand = { handshakeSeconds: saved, cpuSeconds: saved }
  return { tries: 3, full: of(full), resumed: of(resumed), savedPerThousand }
}

for (const [what, timing, expected] of [
  ['ranges do not overlap', measured([4, 5, 6], [1, 2, 3]), '3.00 s of CPU, 3.00 s of waiting'],
  ['one value of each is an outlier', measured([2, 5, 9], [1, 1.5, 4]), '3.50 s of CPU, 3.50 s of waiting'],
  ['a median is within the other range', measured([1, 5, 6], [1, 2, 9]), 'no measurable difference'],
  ['resuming took longer', measured([1, 2, 3], [4, 5, 6]), 'no measurable difference'],
] as const) {
  test(`probe output: what 1000 connections save when ${what}`, async t => {
    const findings = withoutNulls(await probe(t, await startServer(t), '--tls', '1.3'))
    const [version] = findings.versions as [VersionFindings]
    const text = tableOf({ ...findings, versions: [{ ...version, timing }] } as PeerFindings, plain, 120)
    t.regex(text, new RegExp(`saved in 1000 connections +${expected}\\n`))
  })
}

test('probe output: 0-RTT is reported only for TLS 1.3', async t => {
  const { tls13, tls12 } = await probe(t, await startServer(t))
  t.is(tls13?.earlyDataBytes, 0, 'Node.js accepts none')
  t.is(tls12?.earlyDataBytes, null as never)
})

test('probe output: peers probed at once are printed in their order', async t => {
  const { port, ca } = await startServer(t)
  const silent = net.createServer(socket => socket.on('error', () => {}))
  t.teardown(() => silent.close())
  silent.listen(0, '127.0.0.1')
  await once(silent, 'listening')
  const slow = `127.0.0.1:${(silent.address() as AddressInfo).port}`
  const { stdout, code } = await tlsResumption(
    ...[
      'probe',
      slow,
      `localhost:${port}`,
      '--concurrency',
      '2',
      '--timeout',
      '2',
      '--tries',
      '0',
      '--starttls',
      'none',
    ],
    ...['--ca', await fileWith(t, ca)],
  )
  t.true(stdout.indexOf(slow) >= 0 && stdout.indexOf(slow) < stdout.indexOf(`localhost:${port}`), stdout)
  t.is(code, 3)
})

test('probe output: --color and --no-color hold wherever the output goes', async t => {
  const { port, ca } = await startServer(t)
  const args = ['probe', `localhost:${port}`, '--ca', await fileWith(t, ca), '--tries', '0', '--tls', '1.3']
  t.true((await tlsResumption(...args, '--color')).stdout.includes('\x1b['))
  t.false((await tlsResumption(...args, '--no-color')).stdout.includes('\x1b['))
  t.false((await tlsResumption(...args)).stdout.includes('\x1b['))
})

test('probe output: JSON has a version of its form', async t => {
  const { port, ca } = await startServer(t)
  const args = ['probe', `localhost:${port}`, '--ca', await fileWith(t, ca), '--tries', '0', '--json']
  t.is(JSON.parse((await tlsResumption(...args)).stdout).schemaVersion, 1)
})
