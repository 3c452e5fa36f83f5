/**
 * `npm run soak [-- --minutes 10 --seed 1]`: runs servers in two processes with two threads each, on one Redis,
 * under clients of several libraries. While they run, keys rotate, threads are terminated, and the store is killed,
 * paused and flushed. Needs redis-server.
 *
 * Fails if a handshake fails or never ends, or if memory grows after the first third.
 */
import { join } from 'node:path'
import { runProgram } from '../lib/program.mjs'
import { setUp } from '../lib/setup.mjs'

await setUp()
runProgram(join('e2e', 'soak', 'main.ts'))
