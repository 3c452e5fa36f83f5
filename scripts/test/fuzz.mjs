/**
 * `npm run fuzz -- TARGET [SECONDS]`: runs libFuzzer on a target of cargo-fuzz, for a minute by default. Needs a
 * nightly toolchain. Installs cargo-fuzz under target if it is missing.
 *
 * - `operations` performs sequences on the cache and the oracle.
 * - `segment` performs calls on a segment while its live files are overwritten.
 * - `session` reads blobs, starting from real ones.
 * - `crl` reads revocation lists.
 */
import { spawnSync } from 'node:child_process'
import { root } from '../lib/setup.mjs'
import { missingFor, withTools } from '../lib/tools.mjs'

const FOLDERS = {
  operations: 'crates/core',
  segment: 'crates/core',
  session: 'crates/session',
  crl: 'crates/session',
}
const [target, seconds = '60'] = process.argv.slice(2)
const folder = FOLDERS[target]

if (folder === undefined || !/^[1-9]\d*$/.test(seconds)) {
  fail(`usage: npm run fuzz -- ${Object.keys(FOLDERS).join('|')} [SECONDS]`)
}
const missing = missingFor('fuzzing')
if (missing !== undefined) fail(`cannot fuzz: ${missing}`)
if (target === 'session') {
  run(
    'node',
    '--import=./scripts/lib/typescript.mjs',
    'scripts/test/fuzz-seeds.mjs',
    `${folder}/fuzz/corpus/${target}`,
  )
}
const fuzz = ['--fuzz-dir', `${folder}/fuzz`, target]
run('cargo', '+nightly', 'fuzz', 'run', ...fuzz, '--', `-max_total_time=${seconds}`, '-max_len=4096')

function run(program, ...args) {
  const { status } = spawnSync(program, args, { cwd: root, env: withTools, stdio: 'inherit' })
  if (status !== 0) process.exit(status ?? 1)
}

function fail(why) {
  console.error(why)
  process.exit(1)
}
