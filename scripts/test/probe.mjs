/**
 * `npm run test:probe [-- NAME … --capture --record]`: runs `tls-resumption probe` against real servers on
 * loopback. Compares its findings with what each server is known to do, and each connection with the bytes on the
 * wire. The last line is `N passed, M failed`.
 *
 * `--capture` also compares with captured packets, decrypted by tshark. As root, it installs missing servers by
 * apt-get. `--record` writes benchmark/results/probe.json and the table in docs/results/probe.md.
 */
import { join } from 'node:path'
import { runProgram } from '../lib/program.mjs'
import { setUp } from '../lib/setup.mjs'

await setUp()
runProgram(join('e2e', 'probe', 'main.ts'))
