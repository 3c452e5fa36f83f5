/** `npm run test:pm2`: sets up, and runs e2e/pm2/main.ts. */
import { join } from 'node:path'
import { runProgram } from '../lib/program.mjs'
import { installPm2, setUp } from '../lib/setup.mjs'

await setUp()
await installPm2()
runProgram(join('e2e', 'pm2', 'main.ts'))
