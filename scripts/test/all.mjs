/**
 * `npm test`: builds what is out of date, runs the checks, then the tests of both languages. The last line is their
 * sum: `N passed, M failed`.
 *
 * Only some tests, without the checks:
 * - `npm test -- FILE …`, `npm test -- --match "TITLE"`: files and titles as ava takes them.
 * - `npm test -- crates/core [NAME …]`: the tests of one crate whose names contain a NAME. A file of the crate works too.
 *
 * Options:
 * - `--no-lint` leaves the checks out.
 * - `--docs` adds `npm run check:docs`.
 * - `--nodes 22,24,26=all` adds the tests of trust on other versions of Node.js, and with `=all` every test.
 * - `--servers redis,nginx` adds `npm run test:servers` with these servers.
 * - `--probe nginx,openssl` adds `npm run test:probe` with these servers.
 * - `--interop openssl,curl` adds `npm run test:interop` with these clients.
 * - `--guards` adds `npm run test:guards`.
 */
import { parseArgs } from 'node:util'
import { countAva, countCargo, countClosing } from '../lib/counts.mjs'
import { nodeProgram } from '../lib/nodes.mjs'
import { setUp } from '../lib/setup.mjs'
import { cargoTest } from './cargo-test.mjs'
import { runSteps } from './steps.mjs'

const AVA = 'node_modules/ava/entrypoints/cli.mjs'
const TESTS = '__test__/**/*.test.ts'

/** Tests of what differs between versions of Node.js, beside those that notice a removed guard of trust. */
const VERSIONED = [
  ...['auto', 'single-flight*', 'key-options', 'proxy', 'undici'],
  ...['session-ids', 'session-id-events', 'tickets'],
].map(name => `__test__/**/${name}.test.ts`)

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    match: { type: 'string', multiple: true, default: [] },
    'no-lint': { type: 'boolean', default: false },
    docs: { type: 'boolean', default: false },
    nodes: { type: 'string', default: '' },
    servers: { type: 'string', default: '' },
    interop: { type: 'string', default: '' },
    probe: { type: 'string', default: '' },
    guards: { type: 'boolean', default: false },
  },
})

// Cargo builds what it needs by itself.
if (/^(\.\/)?crates[\\/]/.test(positionals[0] ?? '')) {
  await runSteps([{ name: 'Rust tests', command: cargoTest(positionals), count: countCargo }])
} else {
  await setUp()
  await runSteps(positionals.length > 0 || values.match.length > 0 ? chosen() : await all())
}

function chosen() {
  const tests = [AVA, ...positionals, ...values.match.flatMap(title => ['--match', title])]
  return [
    { name: 'TypeScript tests', command: [process.execPath, ...tests], count: countAva },
    ...listed(values.nodes).map(wanted => onNode(wanted.split('=')[0], tests)),
  ]
}

async function all() {
  // Imports what `setUp` installs.
  const { guardTests } = await import('./mutation-trust/guards.mjs')
  return [
    ...(values['no-lint'] ? [] : [{ name: 'checks', command: ['npm', 'run', '--silent', 'lint'] }]),
    {
      name: 'Rust tests',
      command: ['cargo', 'test', '--workspace', '--locked', '--quiet', '--no-fail-fast'],
      count: countCargo,
    },
    {
      name: 'Rust example',
      command: ['cargo', 'run', '--locked', '--quiet', '--example', 'shared', '-p', 'tls-resumption-rustls'],
    },
    { name: 'TypeScript tests', command: [process.execPath, AVA, TESTS], count: countAva },
    ...(values.docs ? [script('documents', 'docs/check-docs.mjs')] : []),
    ...listed(values.nodes).map(wanted => {
      const [major, all] = wanted.split('=')
      return onNode(
        major,
        all === 'all' ? [AVA, TESTS] : [AVA, ...guardTests(), ...VERSIONED],
        all === 'all' ? '' : ': trust',
      )
    }),
    ...(values.servers ? [script('drivers, real servers', 'test/drivers.mjs', listed(values.servers))] : []),
    ...(values.probe ? [script('probe, real servers', 'test/probe.mjs', listed(values.probe))] : []),
    ...(values.interop ? [script('real clients', 'test/clients.mjs', listed(values.interop))] : []),
    ...(values.guards ? [script('removed guards of trust', 'test/mutation-trust/main.mjs')] : []),
  ]
}

function listed(names) {
  return names.split(',').filter(Boolean)
}

/** A program of this repository that closes with `N passed, M failed`. */
function script(name, path, args = []) {
  return { name, command: [process.execPath, `scripts/${path}`, ...args], count: countClosing }
}

function onNode(major, args, what = '') {
  return {
    name: `TypeScript tests on Node.js ${major}${what}`,
    command: () => [nodeProgram(major), ...args],
    count: countAva,
  }
}
