/**
 * `npm run test:deep`: runs what takes too long for every change, within an hour on two processors. `-- loom fuzz`
 * runs only these steps. A step whose tool is missing is reported as not run; it counts neither as passed nor as
 * failed.
 */

import { countCargo, countClosing } from '../lib/counts.mjs'
import { run } from '../lib/run-with-timeout.mjs'
import { root } from '../lib/setup.mjs'
import { hasLibrarySource, host, missingFor } from '../lib/tools.mjs'
import { mutants } from './mutation-core/mutants.mjs'

const CORE = ['-p', 'tls-resumption-core', '--locked']
const MINUTE = 60_000
/** As fast as a release build, but compiled in a fraction of the time. */
const OPTIMIZED = {
  CARGO_PROFILE_DEV_OPT_LEVEL: '3',
  CARGO_PROFILE_DEV_DEBUG: 'line-tables-only',
  CARGO_PROFILE_DEV_DEBUG_ASSERTIONS: 'true',
}
const OLD_LIBRARY = [`suppressions=${root}/crates/core/tests/storm.tsan`]

const steps = {
  loom: {
    title: 'loom: every interleaving of small histories',
    command: ['cargo', 'test', ...CORE, '--lib', '--target-dir', 'target/loom', 'loom'],
    env: { ...OPTIMIZED, RUSTFLAGS: '--cfg loom' },
    minutes: 30,
    count: countCargo,
  },
  schedules: {
    title: 'every call stopped at every step, and every such history linearized',
    command: ['cargo', 'test', ...CORE, '--lib', '--target-dir', 'target/deep', '--', '--ignored'],
    env: OPTIMIZED,
    minutes: 15,
    count: countCargo,
  },
  histories: {
    title: 'random histories: against the oracle, and linearized',
    command: ['cargo', 'test', ...CORE, '--target-dir', 'target/deep'],
    env: { ...OPTIMIZED, PROPTEST_CASES: '3000', STRESS_ROUNDS: '100000' },
    minutes: 15,
    count: countCargo,
  },
  stress: {
    title: 'stress: everything at once, for long',
    command: ['cargo', 'test', ...CORE, '--lib', '--target-dir', 'target/deep', 'stress'],
    env: { ...OPTIMIZED, STRESS_ROUNDS: '500000' },
    minutes: 15,
    count: countCargo,
  },
  chaos: {
    title: 'chaos: processes share a segment while they are killed and replaced',
    command: ['cargo', 'test', ...CORE, '--target-dir', 'target/deep', '--test', 'chaos'],
    env: { ...OPTIMIZED, CHAOS_SECONDS: '240' },
    minutes: 15,
    count: countCargo,
  },
  'address-sanitizer': sanitized('address', '400000'),
  'thread-sanitizer': sanitized('thread', '200000'),
  miri: {
    title: 'Miri: everything at once, slowly, with weak memory',
    needs: 'interpreting',
    command: ['cargo', '+nightly', 'miri', 'test', ...CORE, '--target-dir', 'target/miri', '--test', 'storm'],
    env: { STRESS_ROUNDS: '60', MIRIFLAGS: '-Zmiri-disable-isolation -Zmiri-ignore-leaks' },
    minutes: 15,
  },
  'fuzz-operations': fuzzed('operations'),
  'fuzz-segment': fuzzed('segment'),
  'fuzz-session': fuzzed('session'),
  'fuzz-crl': fuzzed('crl'),
  mutants: {
    title: `mutants: ${mutants.length} mistakes that tests must notice`,
    command: [process.execPath, 'scripts/test/mutation-core/main.mjs'],
    minutes: 20,
    count: countClosing,
  },
  guards: {
    title: 'guards of trust, taken out one by one',
    command: [process.execPath, 'scripts/test/mutation-trust/main.mjs'],
    minutes: 20,
    count: countClosing,
  },
}

const asked = process.argv.slice(2)
const unknown = asked.filter(name => steps[name] === undefined)
if (unknown.length > 0) {
  console.error(`unknown step ${unknown.join(', ')}. Expected ${Object.keys(steps).join(', ')}.`)
  process.exit(2)
}

const sum = { passed: 0, failed: 0 }
const notRun = []
for (const name of asked.length > 0 ? asked : Object.keys(steps)) {
  const { title, command, env, minutes, needs, count } = steps[name]
  process.stdout.write(`\n── ${title}\n`)
  const missing = needs && missingFor(needs)
  if (missing) {
    process.stdout.write(`NOT RUN: ${missing}\n`)
    notRun.push(`${name}: ${missing}`)
    continue
  }
  const began = Date.now()
  const { code, output } = await run(command, { env, patience: minutes * MINUTE })
  const { passed, failed } = count?.(output) ?? { passed: code === 0 ? 1 : 0, failed: 0 }
  sum.passed += passed
  // A step may fail without a failed test: if it does not compile, hangs, or runs no test.
  sum.failed += failed + (failed === 0 && (code !== 0 || passed === 0) ? 1 : 0)
  process.stdout.write(`${name}: ${((Date.now() - began) / MINUTE).toFixed(1)} minutes\n`)
}
if (notRun.length > 0) process.stdout.write(`\nNOT RUN here\n${notRun.map(step => `  ${step}\n`).join('')}`)
process.stdout.write(`\n${sum.passed} passed, ${sum.failed} failed\n`)
process.exitCode = sum.failed === 0 ? 0 : 1

function sanitized(sanitizer, rounds) {
  const flags = [`-Zsanitizer=${sanitizer}`, '-Cunsafe-allow-abi-mismatch=sanitizer', '--cfg portable_words']
  // A standard library without the sanitizer hides its locks and fences from it.
  const rebuildsLibrary = sanitizer === 'thread' && hasLibrarySource()
  return {
    title: `${sanitizer} sanitizer: everything at once, through what the crate exports`,
    needs: 'sanitizing',
    command: [
      ...['cargo', '+nightly', 'test', ...CORE, ...(rebuildsLibrary ? ['-Zbuild-std'] : [])],
      ...['--target', host(), '--target-dir', `target/${sanitizer}-sanitizer`, '--test', 'storm'],
    ],
    env: {
      ...OPTIMIZED,
      RUSTFLAGS: flags.join(' '),
      STRESS_ROUNDS: rounds,
      TSAN_OPTIONS: ['halt_on_error=1', ...(rebuildsLibrary ? [] : OLD_LIBRARY)].join(':'),
    },
    minutes: 15,
  }
}

function fuzzed(target) {
  return {
    title: `fuzz ${target} for four minutes`,
    needs: 'fuzzing',
    command: [process.execPath, 'scripts/test/fuzz.mjs', target, '240'],
    minutes: 15,
  }
}
