/**
 * `npm run test:servers [-- NAME … --record]`: real drivers against real servers on loopback. Gets the checkout
 * ready, installs the drivers beside their tests, and installs (as root, by apt-get) the servers that are missing.
 * `redis nginx mariadb` names those to be tried, all if none is named; `--driver NAME` tries that one alone;
 * `--record` writes what was seen to benchmark/results/drivers.json. It closes with `N passed, M failed`.
 */
import { join } from 'node:path'
import { runProgram } from '../lib/program.mjs'
import { installDrivers, setUp } from '../lib/setup.mjs'

await setUp()
await installDrivers()

runProgram(join('e2e', 'drivers', 'main.ts'))
