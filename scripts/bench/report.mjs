/**
 * `npm run test:report [-- FILE]`: looks at the report of `npm run bench` in headless Chromium, light and dark, wide and
 * narrow; without a file, at one that is made of sample results. Needs `chromium` (or its path in CHROMIUM);
 * screenshots are left in target/report.
 */
import { join } from 'node:path'
import { runProgram } from '../lib/program.mjs'
import { setUp } from '../lib/setup.mjs'

await setUp()
runProgram(join('benchmark', 'lib', 'report', 'test.ts'))
