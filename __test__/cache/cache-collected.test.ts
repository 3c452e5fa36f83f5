import test from 'ava'
import { runProgram, TYPESCRIPT } from '../workers/spawn.ts'

test('a cache that was dropped is closed by the garbage collector, and no other with it', async t => {
  const { code, stdout, stderr } = await runProgram(['--expose-gc', ...TYPESCRIPT], 'collected.ts')
  t.is(stderr, '')
  t.deepEqual(stdout.trim().split('\n'), [
    'dropped: closed, and 0 of its sessions are left',
    'disposed of and then collected: 20 of 20 successors work',
    'still in use: open',
  ])
  t.is(code, 0)
})
