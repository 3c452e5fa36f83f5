/**
 * `npm run test:interop [-- NAME,… --record]`: real clients against our servers on loopback, in one thread, in four and
 * in two processes: `openssl`, `gnutls`, `curl`, `go`, `python`, `rustls`, `java` and `chromium`, all if none is named.
 * Gets the checkout ready, and installs (as root, by apt-get) the clients that are missing. `--record` writes what was
 * seen to benchmark/results/interop.json and docs/results/clients.md. It closes with `N passed, M failed`.
 */
import { join } from 'node:path'
import { runProgram } from '../lib/program.mjs'
import { setUp } from '../lib/setup.mjs'

await setUp()
runProgram(join('e2e', 'clients', 'main.ts'))
