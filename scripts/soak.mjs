/**
 * `npm run soak [-- --minutes 10 --seed 1]`: servers of two processes with two threads each, on one Redis, under mixed
 * clients, while keys rotate, threads are terminated, and the store is killed, paused and flushed. It fails on a
 * handshake that fails or never ends, and on memory that grows after the first third. Needs redis-server.
 */
import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { root, setUp } from './setup.mjs'

await setUp()
const child = spawn(
  process.execPath,
  ['--import', '@oxc-node/core/register', join('__test__', 'soak', 'main.ts'), ...process.argv.slice(2)],
  { cwd: root, stdio: 'inherit' },
)
// A terminal sends Ctrl+C to both; the child ends what it has started.
process.on('SIGINT', () => {})
process.on('SIGTERM', () => child.kill('SIGTERM'))
child.on('exit', (code, signal) => {
  process.exitCode = code ?? 1
  if (signal) process.stderr.write(`the run was ended by ${signal}\n`)
})
