/** Fails if `npm ci` would reject a package-lock.json of the repository, on this platform or on another one. */
import { spawnSync } from 'node:child_process'

const DIRECTORIES = ['.', 'e2e/bundlers', 'e2e/compare', 'e2e/drivers', 'e2e/pm2', 'scripts/docs/reference']
const ARGUMENTS = ['ci', '--dry-run', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error']

for (const directory of DIRECTORIES) {
  const { status, stderr } = spawnSync('npm', ARGUMENTS, {
    cwd: new URL(`../../${directory}/`, import.meta.url),
    encoding: 'utf8',
    shell: process.platform === 'win32',
  })
  if (status === 0) continue
  // The list of options of `npm ci` follows.
  process.stderr.write(`${directory}/package-lock.json:\n${stderr.split('npm error Clean install')[0]}`)
  process.exitCode = 1
}
