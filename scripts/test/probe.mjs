/**
 * `npm run test:probe [-- NAME … --capture --record]`: the command `tls-resumption probe` against real servers on
 * loopback, installed (as root, by apt-get) where they are missing. What it says is compared with what each server is
 * known to do, and connection by connection with the bytes that went by; with `--capture` also with a capture of the
 * packets, decrypted by tshark. `--record` writes benchmark/results/probe.json and the table in docs/how-to/probe-a-peer.md. It closes with
 * `N passed, M failed`.
 */
import { join } from 'node:path'
import { runProgram } from '../lib/program.mjs'
import { setUp } from '../lib/setup.mjs'

await setUp()
runProgram(join('e2e', 'probe', 'main.ts'))
