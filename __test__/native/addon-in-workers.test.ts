import test from 'ava'
import { runProgram, TYPESCRIPT } from '../workers/spawn.ts'

// Node unloads an addon after the last thread that loaded it. The sweeper thread would then run unmapped code.
test('addon: it survives the workers that loaded it, with the caches of the process', async t => {
  const { code, signal, stdout, stderr } = await runProgram(TYPESCRIPT, 'without-addon.ts')
  t.is(stderr, '')
  t.is(signal, null)
  t.is(code, 0)
  // Each worker reads the count of the sessions that earlier workers stored, so all used the same memory.
  t.deepEqual(stdout.trim().split('\n').map(Number), [0, 1, 2, 3, 4, 5])
})
