/**
 * `npm run test:mutants`: makes each mistake of `mutants.mjs` in a copy of the core, and fails if its tests still
 * pass. A test that hangs counts as failed. `-- tags` makes only the mistakes with that word in their name.
 */
import { cpSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { run } from '../../lib/run-with-timeout.mjs'
import { root } from '../../lib/setup.mjs'
import { made, mutants } from './mutants.mjs'

const MAX_RUN_MS = 5 * 60_000
const copy = join(root, 'target', 'mutants', 'tree')
const source = join(copy, 'crates/core/src/store')

rmSync(copy, { recursive: true, force: true })
const kept = ['Cargo.toml', 'Cargo.lock', 'crates']
for (const name of kept) {
  cpSync(join(root, name), join(copy, name), { recursive: true, filter: path => !/[\\/]fuzz$/.test(path) })
}

const [asked = ''] = process.argv.slice(2)
const chosen = mutants.filter(({ name }) => name.includes(asked))
const survivors = []
for (const mutant of chosen) {
  const noticed = await isNoticed(mutant)
  process.stdout.write(`${noticed ? '✔' : '✘ NOT NOTICED'} ${mutant.name}\n`)
  if (!noticed) survivors.push(mutant.name)
}
process.stdout.write(`\n${chosen.length - survivors.length} passed, ${survivors.length} failed\n`)
process.exitCode = survivors.length === 0 && chosen.length > 0 ? 0 : 1

async function isNoticed(mutant) {
  const { file, by, loom = false } = mutant
  const path = join(source, file)
  const text = readFileSync(path, 'utf8')
  writeFileSync(path, made(mutant, text))
  try {
    const built = await test(loom, ['--no-run'])
    if (built.code !== 0) throw new Error(`the mutant does not compile:\n${built.output}`)
    const { code } = await test(loom, ['--', ...by])
    return code !== 0
  } finally {
    writeFileSync(path, text)
  }
}

function test(loom, args) {
  return run(['cargo', 'test', '-p', 'tls-resumption-core', '--locked', '--lib', ...args], {
    cwd: copy,
    patience: MAX_RUN_MS,
    quiet: true,
    env: {
      CARGO_TARGET_DIR: join(root, 'target', 'mutants', loom ? 'loom' : 'build'),
      CARGO_PROFILE_DEV_OPT_LEVEL: '1',
      CARGO_PROFILE_DEV_DEBUG: '0',
      RUSTFLAGS: loom ? '--cfg loom' : '',
      RUST_BACKTRACE: '0',
      STRESS_ROUNDS: '50000',
    },
  })
}
