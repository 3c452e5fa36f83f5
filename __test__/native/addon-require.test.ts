import test from 'ava'
import * as imported from 'tls-resumption'
import { runProgram } from '../workers/spawn.ts'

test('addon: require and import give the same module', async t => {
  const { code, stdout, stderr } = await runProgram([], 'required.cjs')
  t.is(stderr, '')
  t.deepEqual(stdout.trim().split('\n'), [
    'require: a session',
    'the same module: true',
    'the same memory: a session',
    `exports: ${Object.keys(imported).sort().join(' ')}`,
  ])
  t.is(code, 0)
})
