/**
 * `npm run test:report [-- FILE]`: checks a report of `npm run bench` in headless Chromium, in light and dark, wide
 * and narrow. Without a file, it makes a report of sample results.
 *
 * Needs `chromium`, or its path in CHROMIUM. Screenshots go to target/report.
 */
import { join } from 'node:path'
import { runProgram } from '../lib/program.mjs'
import { setUp } from '../lib/setup.mjs'

await setUp()
runProgram(join('benchmark', 'lib', 'report', 'test.ts'))
