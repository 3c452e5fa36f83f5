import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import test from 'ava'
import { program as storeProgram } from '../support/store.ts'
import { testWithStore } from '../support/test-with-store.ts'
import { runNode, TYPESCRIPT } from '../workers/spawn.ts'

const directory = fileURLToPath(new URL('../../examples', import.meta.url))

const outputs: Record<string, string[]> = {
  'https-agent.ts': [
    'first request: full handshake',
    'second request: resumed',
    'third request, through another agent: resumed',
    'the cache: 2 hits, 1 miss, 2 sessions',
  ],
  'log-connections.ts': [
    'tcp:localhost TLSv1.3 no-session: the first connection, or the last session has expired',
    'tcp:localhost - opted-out: sessionCache: null',
    'tcp:localhost TLSv1.3 rejected-by-peer: a session was offered, and the peer did a full handshake',
    '1 resumed, 3 did not',
  ],
  'metrics.ts': [
    'tls_resumption_client_connections_total{outcome="resumed"} 2',
    'tls_resumption_client_connections_total{outcome="no-session"} 1',
  ],
  'reconnect.ts': [
    'first connection: full handshake (TLSv1.3)',
    'second connection: resumed (TLSv1.3)',
    'third connection: resumed (TLSv1.3)',
    '2 of 2 connections that could resume did',
  ],
  'shared-by-workers.ts': [
    'first worker: full handshake',
    'second worker: resumed',
    'the cache of both: 1 hit, 1 miss',
  ],
  'tls12-server.ts': [
    'first connection: full handshake',
    'second connection, with the session ID of the first: resumed',
    'third connection, after the cache was cleared: full handshake',
  ],
}

/** Examples that need a Redis server. */
const withStore: Record<string, string[]> = {
  'shared-by-hosts.ts': [
    'first host: full handshake',
    'second host, with the ticket of the first: resumed',
    'first host, with the ticket of the second: resumed',
  ],
}

for (const [program, output] of Object.entries({ ...outputs, ...withStore })) {
  const run = program in withStore ? testWithStore : test
  run(`examples: ${program} prints what it promises`, async t => {
    const { code, stdout, stderr } = await runNode([...TYPESCRIPT, join(directory, program)], {
      REDIS_SERVER: storeProgram ?? '',
    })
    t.is(stderr, '')
    t.deepEqual(stdout.trim().split('\n'), output)
    t.is(code, 0)
  })
}

test('examples: each is tested, is in the index, and says how to run it', async t => {
  const programs = (await readdir(directory)).filter(name => name.endsWith('.ts')).sort()
  t.deepEqual(programs, Object.keys({ ...outputs, ...withStore }).sort())
  const index = await readFile(join(directory, 'README.md'), 'utf8')
  for (const program of programs) {
    t.true(index.includes(`[${program}](${program})`), program)
    const text = await readFile(join(directory, program), 'utf8')
    t.true(text.includes(`node --import ./scripts/lib/typescript.mjs examples/${program}`), program)
    t.true(text.includes('(*)'), program)
  }
})
