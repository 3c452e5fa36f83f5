/** `npm start`: sets the checkout up, then compares connections without resumption, per thread and shared. */
import { join } from 'node:path'
import { runProgram } from '../lib/program.mjs'
import { setUp } from '../lib/setup.mjs'

await setUp()
runProgram(join('benchmark', 'start', 'main.ts'))
