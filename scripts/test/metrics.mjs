/** `npm run test:metrics`: sets up, and runs e2e/metrics/main.ts. */
import { join } from 'node:path'
import { runProgram } from '../lib/program.mjs'
import { setUp } from '../lib/setup.mjs'

await setUp()
runProgram(join('e2e', 'metrics', 'main.ts'))
