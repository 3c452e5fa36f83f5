import test from 'ava'
import { runProgram, TYPESCRIPT } from '../workers/spawn.ts'

// Node unloads an addon with the last thread that loaded it, and the code of a running thread with it.
test('the addon survives the workers that loaded it, and so does what it keeps for the process', async t => {
  const { code, signal, stdout, stderr } = await runProgram(TYPESCRIPT, 'without-addon.ts')
  t.is(stderr, '')
  t.is(signal, null)
  t.is(code, 0)
  // Each worker finds the sessions counted that those before it have stored: the same memory all along.
  t.deepEqual(stdout.trim().split('\n').map(Number), [0, 1, 2, 3, 4, 5])
})
