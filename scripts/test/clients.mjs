/**
 * `npm run test:interop [-- NAME … --record]`: connects real clients to servers of this package on loopback, in one
 * thread, in four threads and in two processes. Some reconnect while ticket keys rotate as well. The last line is
 * `N passed, M failed`.
 *
 * Clients are `openssl`, `gnutls`, `curl`, `go`, `python`, `rustls`, `java` and `chromium`; without names, all. As
 * root, it installs missing clients by apt-get. `--record` writes benchmark/results/interop.json and
 * docs/results/clients.md.
 */
import { join } from 'node:path'
import { runProgram } from '../lib/program.mjs'
import { setUp } from '../lib/setup.mjs'

await setUp()
runProgram(join('e2e', 'clients', 'main.ts'))
