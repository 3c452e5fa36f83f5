/** One ring for the processes of a cluster. */
import test from 'ava'
import { testAuthority } from '../support/server.ts'
import { runProgram, TYPESCRIPT } from '../workers/spawn.ts'

test('cluster: workers have the keys of the primary, and follow rotations of any process', async t => {
  const { cert, issue } = await testAuthority()
  const identity = await issue({ commonName: 'localhost', usage: 'server' })
  const { code, stdout, stderr } = await runProgram(TYPESCRIPT, 'cluster.ts', JSON.stringify(identity), cert)
  t.is(code, 0, stderr)
  t.deepEqual(JSON.parse(stdout), { met: ['full', 'resumed', 'resumed', 'resumed'], keys: 3 })
})

test('cluster: rings in threads of workers follow through the main threads of their workers', async t => {
  const { cert, issue } = await testAuthority()
  const identity = await issue({ commonName: 'localhost', usage: 'server' })
  const args = [JSON.stringify(identity), cert, 'thread']
  const { code, stdout, stderr } = await runProgram(TYPESCRIPT, 'cluster.ts', ...args)
  t.is(code, 0, stderr)
  t.deepEqual(JSON.parse(stdout), { met: ['full', 'resumed', 'resumed', 'resumed'], keys: 3 })
})

test('cluster: the ring of the primary stays open while there are workers', async t => {
  const { code, stdout, stderr } = await runProgram(
    [...TYPESCRIPT, '--expose-gc'],
    'cluster-unreferenced-ring.ts',
  )
  t.is(code, 0, stderr)
  t.is(stdout, '2\n')
})

test('cluster: the primary does not keep workers that have ended', async t => {
  const { code, stdout, stderr } = await runProgram([...TYPESCRIPT, '--expose-gc'], 'cluster-gone.ts')
  t.is(code, 0, stderr)
  t.is(stdout, '0\n')
})

test('cluster: a worker follows many rings with one listener', async t => {
  const { code, stdout, stderr } = await runProgram(TYPESCRIPT, 'cluster-many.ts')
  t.is(code, 0, stderr)
  t.is(stdout, '0 warnings\n')
})
