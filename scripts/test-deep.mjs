/**
 * `npm run test:deep`: what takes too long for every change. The lock-free store's small histories in all
 * interleavings (loom), long stress in release mode, and many more cases of the comparisons with models.
 */
import { spawn } from 'node:child_process'
import { root } from './setup.mjs'

const CORE = ['-p', 'tls-resumption-core', '--release', '--locked', '--target-dir']
const steps = [
  {
    name: 'loom: every interleaving of small histories',
    command: ['cargo', 'test', ...CORE, 'target/loom', '--lib', 'models'],
    env: { RUSTFLAGS: '--cfg loom' },
  },
  {
    name: 'stress: everything at once, for long',
    command: ['cargo', 'test', ...CORE, 'target/deep', '--lib', 'stress'],
    env: { STRESS_ROUNDS: '1000000' },
  },
  {
    name: 'comparisons with the oracle and the naive model',
    command: ['cargo', 'test', ...CORE, 'target/deep'],
    env: { PROPTEST_CASES: '4000' },
  },
  {
    name: 'guards of trust, taken out one by one',
    command: [process.execPath, 'scripts/guards/main.mjs'],
  },
]

let failed = 0
for (const { name, command, env } of steps) {
  process.stdout.write(`\n── ${name}\n`)
  if ((await run(command, env)) !== 0) failed++
}
process.stdout.write(`\n${steps.length - failed} passed, ${failed} failed\n`)
process.exitCode = failed === 0 ? 0 : 1

function run([program, ...args], env) {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { cwd: root, env: { ...process.env, ...env }, stdio: 'inherit' })
    child.on('error', reject)
    child.on('close', resolve)
  })
}
