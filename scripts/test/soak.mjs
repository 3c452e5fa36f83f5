/**
 * `npm run soak [-- --minutes 10 --seed 1]`: servers of two processes with two threads each, on one Redis, under clients
 * of several libraries, while keys rotate, threads are terminated, and the store is killed, paused and flushed. It fails on a
 * handshake that fails or never ends, and on memory that grows after the first third. Needs redis-server.
 */
import { join } from 'node:path'
import { runProgram } from '../lib/program.mjs'
import { setUp } from '../lib/setup.mjs'

await setUp()
runProgram(join('e2e', 'soak', 'main.ts'))
