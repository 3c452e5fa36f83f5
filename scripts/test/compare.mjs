/**
 * `npm run test:compare [-- GROUP … --quick]`: runs programs with plain Node.js, with a preload that only imports
 * `node:tls`, and with `tls-resumption/auto`. It fails on what fails only with `auto`; see e2e/compare/README.md.
 */
import { join } from 'node:path'
import { runProgram } from '../lib/program.mjs'
import { installCompared, setUp } from '../lib/setup.mjs'

await setUp()
await installCompared()

runProgram(join('e2e', 'compare', 'main.ts'))
