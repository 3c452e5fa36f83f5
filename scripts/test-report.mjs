/**
 * `npm run test:report [-- FILE]`: looks at the report of `npm run bench` in headless Chromium, light and dark, wide and
 * narrow; without a file, at one that is made of sample results. Needs `chromium` (or its path in CHROMIUM);
 * screenshots are left in target/report.
 */
import { spawnSync } from 'node:child_process'
import { root, setUp } from './setup.mjs'

await setUp()
const { status } = spawnSync(
  process.execPath,
  ['--import', '@oxc-node/core/register', 'benchmark/report/test.ts', ...process.argv.slice(2)],
  { cwd: root, stdio: 'inherit' },
)
process.exitCode = status ?? 1
