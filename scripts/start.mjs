/** `npm start`: gets the checkout ready, then compares resumption off, per thread and shared. */
import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { root, setUp } from './setup.mjs'

await setUp()

const child = spawn(
  process.execPath,
  ['--import', '@oxc-node/core/register', join('benchmark', 'start', 'main.ts'), ...process.argv.slice(2)],
  { cwd: root, stdio: 'inherit' },
)
// A terminal sends Ctrl+C to both; this one waits, so that the child's exit code is the one that counts.
process.on('SIGINT', () => {})
process.on('SIGTERM', () => child.kill('SIGTERM'))
child.on('exit', (code, signal) => {
  process.exitCode = code ?? 1
  if (signal) process.stderr.write(`the run was ended by ${signal}\n`)
})
