/**
 * `npm test`: sets the checkout up, runs the checks, then the tests of both languages, and ends with
 * their sum alone on the last line. `--no-lint` leaves the checks out; `--nodes 22,24,26=all` runs the
 * tests of what resumption may not weaken on those versions of Node.js too, and with `=all` every test;
 * `--servers redis,nginx` lets real drivers connect to those real servers, as `npm run test:servers` does;
 * `--interop openssl,curl` lets those real clients connect to ours, as `npm run test:interop` does;
 * `--probe nginx,openssl` probes those real servers, as `npm run test:probe` does; `--guards` takes each guard of trust
 * out, as `npm run test:guards` does.
 */
import { spawn } from 'node:child_process'
import { parseArgs } from 'node:util'
import { countCargo } from '../deep/count-cargo.mjs'
import { nodeProgram } from '../lib/nodes.mjs'
import { root, setUp } from '../lib/setup.mjs'
import { GUARDS } from './mutation-trust/list.mjs'

/** The tests that notice when a guard of trust is gone, and those of what Node.js versions differ in. */
const GUARDED = Object.values(GUARDS).flatMap(guards => guards.map(({ test }) => test.split(' › ')[0]))
const DIFFERENT = [
  ...['auto', 'single-flight*', 'key-options', 'proxy', 'undici'],
  ...['session-ids', 'session-id-events', 'tickets'],
]
const TRUST = [...new Set([...GUARDED, ...DIFFERENT])].map(name => `__test__/**/${name}.test.ts`)

const { values } = parseArgs({
  options: {
    'no-lint': { type: 'boolean', default: false },
    nodes: { type: 'string', default: '' },
    servers: { type: 'string', default: '' },
    interop: { type: 'string', default: '' },
    probe: { type: 'string', default: '' },
    guards: { type: 'boolean', default: false },
  },
})

/** How much of a step that failed is shown once more. */
const LINES_AGAIN = 60

const AVA = 'node_modules/ava/entrypoints/cli.mjs'
const steps = [
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
  { name: 'TypeScript tests', command: [process.execPath, AVA], count: countAva },
  {
    name: 'reference',
    command: [process.execPath, 'scripts/docs/reference/main.mjs', '--check'],
    count: countClosing,
  },
  ...listed(values.nodes).map(onNode),
  ...(values.servers ? [toClose('drivers against real servers', 'test/drivers.mjs', values.servers)] : []),
  ...(values.probe ? [toClose('real servers, probed', 'test/probe.mjs', values.probe)] : []),
  ...(values.interop
    ? [toClose('real clients against our servers', 'test/clients.mjs', values.interop)]
    : []),
  ...(values.guards ? [toClose('guards of trust, taken out', 'test/mutation-trust/main.mjs')] : []),
]

await setUp()
const sum = { passed: 0, failed: 0, skipped: 0 }
const failures = []
for (const { name, command, count } of steps) {
  process.stdout.write(`\n── ${name}\n`)
  const { code, output } = await run(typeof command === 'function' ? command() : command)
  const { passed, failed, skipped = 0 } = count?.(output) ?? { passed: 0, failed: 0 }
  sum.passed += passed
  sum.skipped += skipped
  // A step may fail without a failed test: by not compiling, or by running none at all.
  const problems = failed + (failed === 0 && (code !== 0 || (count && passed === 0)) ? 1 : 0)
  sum.failed += problems
  if (problems > 0) failures.push({ name, end: output.trimEnd().split('\n').slice(-LINES_AGAIN) })
}
// Whoever reads the end of a long log sees what went wrong.
for (const { name, end } of failures) {
  process.stdout.write(`\n── the end of what failed: ${name}\n${end.join('\n')}\n`)
}
if (sum.skipped > 0) {
  process.stdout.write(
    `\n${sum.skipped} tests were NOT RUN: they need redis-server or valkey-server, which is not installed here\n`,
  )
}
process.stdout.write(`\n${sum.passed} passed, ${sum.failed} failed\n`)
process.exitCode = sum.failed === 0 ? 0 : 1

function listed(names) {
  return names.split(',').filter(Boolean)
}

/** A script that may take names, and ends with its sum. */
function toClose(name, script, names = '') {
  return {
    name,
    command: [process.execPath, `scripts/${script}`, ...listed(names)],
    count: countClosing,
  }
}

function onNode(wanted) {
  const [major, all] = wanted.split('=')
  const files = all === 'all' ? [] : TRUST
  return {
    name: `TypeScript tests on Node.js ${major}${files.length ? ': trust' : ''}`,
    command: () => [nodeProgram(major), AVA, ...files],
    count: countAva,
  }
}

// What is counted below has no colours, whatever the environment asks for.
function run([program, ...args]) {
  const { FORCE_COLOR: _, ...env } = { ...process.env, CARGO_TERM_COLOR: 'never' }
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, {
      cwd: root,
      env,
      shell: process.platform === 'win32',
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    let output = ''
    child.stdout.setEncoding('utf8').on('data', text => {
      output += text
      process.stdout.write(text)
    })
    child.on('error', reject)
    child.on('close', code => resolve({ code, output }))
  })
}
/** Reads the closing line: `1 passed, 2 failed`. */
function countClosing(output) {
  const [, passed = 0, failed = 0] = output.match(/^(\d+) passed, (\d+) failed\n$/m) ?? []
  return { passed: Number(passed), failed: Number(failed) }
}

/** Counts ava's ticks, and reads its closing lines: `1 test failed`, `1 uncaught exception`. */
function countAva(output) {
  const problems = [
    ...output.matchAll(
      /^\s+(\d+) (?:tests? failed|uncaught exceptions?|unhandled rejections?|tests? timed out|.*known failures?)/gm,
    ),
  ]
  return {
    passed: output.match(/^\s+✔ /gm)?.length ?? 0,
    failed: problems.reduce((total, [, count]) => total + Number(count), 0),
    skipped: Number(output.match(/^\s+(\d+) tests? skipped/m)?.[1] ?? 0),
  }
}
