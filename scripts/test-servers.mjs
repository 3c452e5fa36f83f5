/**
 * `npm run test:servers [-- NAME … --record]`: real drivers against real servers on loopback. Gets the checkout
 * ready, installs the drivers beside their tests, and installs (as root, by apt-get) the servers that are missing.
 * `redis nginx mariadb` names those to be tried, all if none is named; `--driver NAME` tries that one alone;
 * `--record` writes what was seen to benchmark/results/drivers.json. It closes with `N passed, M failed`.
 */
import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { installDrivers, root, setUp } from './setup.mjs'

await setUp()
await installDrivers()

const child = spawn(
  process.execPath,
  ['--import', '@oxc-node/core/register', join('__test__', 'servers', 'main.ts'), ...process.argv.slice(2)],
  { cwd: root, stdio: 'inherit' },
)
// A terminal sends Ctrl+C to both; the child ends its servers, and its exit code is the one that counts.
process.on('SIGINT', () => {})
process.on('SIGTERM', () => child.kill('SIGTERM'))
child.on('exit', (code, signal) => {
  process.exitCode = code ?? 1
  if (signal) process.stderr.write(`the run was ended by ${signal}\n`)
})
