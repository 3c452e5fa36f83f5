/** `npm start`: gets the checkout ready, then compares resumption off, per thread and shared. */
import { join } from 'node:path'
import { runProgram } from '../lib/program.mjs'
import { setUp } from '../lib/setup.mjs'

await setUp()
runProgram(join('benchmark', 'start', 'main.ts'))
