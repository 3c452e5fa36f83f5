/**
 * `npm run test:servers [-- NAME … --record]`: connects real drivers to real servers on loopback. The last line is
 * `N passed, M failed`.
 *
 * `redis nginx mariadb` names the servers; without names, all. `--driver NAME` runs only that driver. As root, it
 * installs missing servers by apt-get. `--record` writes benchmark/results/drivers.json.
 */
import { join } from 'node:path'
import { runProgram } from '../lib/program.mjs'
import { installDrivers, setUp } from '../lib/setup.mjs'

await setUp()
await installDrivers()

runProgram(join('e2e', 'drivers', 'main.ts'))
