/**
 * `npm run test:interop [-- NAME,… --record]`: real clients against our servers on loopback, in one thread, in four and
 * in two processes: `openssl`, `gnutls`, `curl`, `go`, `python`, `rustls`, `java` and `chromium`, all if none is named.
 * Gets the checkout ready, and installs (as root, by apt-get) the clients that are missing. `--record` writes what was
 * seen to benchmark/results/interop.json and docs/interop.md. It closes with `N passed, M failed`.
 */
import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { root, setUp } from './setup.mjs'

await setUp()
const child = spawn(
  process.execPath,
  ['--import', '@oxc-node/core/register', join('__test__', 'interop', 'main.ts'), ...process.argv.slice(2)],
  { cwd: root, stdio: 'inherit' },
)
// A terminal sends Ctrl+C to both; the child ends what it has started, and its exit code is the one that counts.
process.on('SIGINT', () => {})
process.on('SIGTERM', () => child.kill('SIGTERM'))
child.on('exit', (code, signal) => {
  process.exitCode = code ?? 1
  if (signal) process.stderr.write(`the run was ended by ${signal}\n`)
})
