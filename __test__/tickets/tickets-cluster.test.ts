/** One ring for the processes of a cluster. */
import test from 'ava'
import { testAuthority } from '../support/server.ts'
import { runProgram, TYPESCRIPT } from '../workers/spawn.ts'

test('the workers of a cluster have the keys of the primary, and follow rotations of any of them', async t => {
  const { cert, issue } = await testAuthority()
  const identity = await issue({ commonName: 'localhost', usage: 'server' })
  const { code, stdout, stderr } = await runProgram(TYPESCRIPT, 'cluster.ts', JSON.stringify(identity), cert)
  t.is(code, 0, stderr)
  t.deepEqual(JSON.parse(stdout), { met: ['full', 'resumed', 'resumed', 'resumed'], keys: 3 })
})

test('workers live by the ring of a primary that keeps no hold of it', async t => {
  const { code, stdout, stderr } = await runProgram(
    [...TYPESCRIPT, '--expose-gc'],
    'cluster-unreferenced-ring.ts',
  )
  t.is(code, 0, stderr)
  t.is(stdout, '2\n')
})

test('a primary does not hold workers that are gone', async t => {
  const { code, stdout, stderr } = await runProgram([...TYPESCRIPT, '--expose-gc'], 'cluster-gone.ts')
  t.is(code, 0, stderr)
  t.is(stdout, '0\n')
})

test('a worker may follow any number of rings', async t => {
  const { code, stdout, stderr } = await runProgram(TYPESCRIPT, 'cluster-many.ts')
  t.is(code, 0, stderr)
  t.is(stdout, '0 warnings\n')
})
