/** Hops of a client between the workers of a cluster. Node alone is the yardstick: it shares ticket keys by itself. */
import test, { type ExecutionContext } from 'ava'
import { testAuthority } from '../support/server.ts'
import type { EdgeOptions } from '../workers/edge.ts'
import { runProgram, TYPESCRIPT } from '../workers/spawn.ts'

type Hops = Record<'TLSv1.2' | 'TLSv1.3', string>

interface Result {
  first: Hops
  afterwards?: Hops
  said?: string
  warnings: string
}

async function run(t: ExecutionContext, options: Omit<EdgeOptions, 'identity'>): Promise<Result> {
  const { issue } = await testAuthority()
  const identity = await issue({ commonName: 'localhost', usage: 'server' })
  const { code, stdout, stderr } = await runProgram(
    TYPESCRIPT,
    'edge.ts',
    JSON.stringify({ ...options, identity }),
  )
  t.is(code, 0, stderr)
  return { ...JSON.parse(stdout), warnings: stderr }
}

const ALL: Hops = { 'TLSv1.2': 'all', 'TLSv1.3': 'all' }

for (const byName of [undefined, 'addContext', 'SNICallback'] as const) {
  const names = byName ? { byName } : {}
  test.serial(`cluster: ${byName ?? 'one name'}: all hops resume, as with Node alone`, async t => {
    const plain = await run(t, { workers: [], ...names })
    t.deepEqual(plain.first, ALL)
    const variants: Omit<EdgeOptions, 'identity'>[] = [
      { workers: ['ids'] },
      { workers: ['compat'] },
      { workers: ['ring'], primary: 'early' },
      { workers: ['ids', 'ring'], primary: 'early' },
    ]
    for (const variant of variants) {
      t.deepEqual((await run(t, { ...variant, ...names })).first, plain.first, JSON.stringify(variant))
    }
  })
}

test.serial('cluster: rings without a leader use the keys of Node.js, and one warning says so', async t => {
  const plain = await run(t, { workers: [], step: 'replace workers' })
  t.deepEqual([plain.first, plain.afterwards], [ALL, ALL])
  for (const ring of ['ring', 'unnamed ring'] as const) {
    const { first, afterwards, warnings } = await run(t, {
      workers: [ring],
      rotateEvery: 2000,
      step: 'replace workers',
    })
    t.deepEqual([first, afterwards], [plain.first, plain.afterwards], ring)
    // A ring with a name waits for the primary for a while.
    const count = warnings.match(/NO_PRIMARY_KEYS/g)?.length ?? 0
    t.true(ring === 'ring' ? count <= 4 : count === 4, `${count} warnings of four workers`)
  }
})

test.serial('cluster: rings without a leader do not rotate by themselves', async t => {
  const { first, afterwards } = await run(t, {
    workers: ['ring'],
    rotateEvery: 1500,
    step: 'wait three intervals',
  })
  t.deepEqual([first, afterwards], [ALL, ALL])
})

test.serial('cluster: rings follow a primary that makes its ring later, and lose no ticket', async t => {
  const { first } = await run(t, { workers: ['ring'], primary: 'late' })
  t.deepEqual(first, ALL)
})

test.serial('cluster: a rotation that a worker asks for resolves when all workers have the key', async t => {
  const { said, afterwards } = await run(t, {
    workers: ['ring'],
    primary: 'early',
    step: 'rotate in a worker',
  })
  t.is(said, 'done')
  t.deepEqual(afterwards, ALL)
})
