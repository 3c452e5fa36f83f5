/** Workers that are killed while clients reconnect, with a cluster of Node alone as the yardstick. */
import test, { type ExecutionContext } from 'ava'
import { testAuthority } from '../support/server.ts'
import { hasSharedFiles, pathOnTmpfs } from '../support/shared-file.ts'
import type { Killed } from '../workers/cluster-killed.ts'
import { runProgram, TYPESCRIPT } from '../workers/spawn.ts'

const onUnix = process.platform === 'win32' ? test.skip : test
const linuxTest = hasSharedFiles ? test : test.skip

async function measure(t: ExecutionContext, mode: string, path = ''): Promise<Killed> {
  const { cert, issue } = await testAuthority()
  const identity = JSON.stringify(await issue({ commonName: 'localhost', usage: 'server' }))
  const { code, stdout, stderr } = await runProgram(
    TYPESCRIPT,
    'cluster-killed.ts',
    mode,
    identity,
    cert,
    path,
  )
  t.is(code, 0, stderr)
  return JSON.parse(stdout)
}

onUnix('cluster: killed workers lose only the connections that they had, while keys rotate', async t => {
  const ring = await measure(t, 'ring')
  const plain = await measure(t, 'plain')
  t.true(ring.completed > 50 && ring.rotations > 10, 'there was load, and keys rotated')
  const { lost, failedForNoReason } = plain
  t.like(ring, { lost, failedForNoReason })
  t.like(ring, { lost: 0, failedForNoReason: 0 })
})

for (const mode of ['ring in a file', 'IDs in a file']) {
  linuxTest(`cluster with its ${mode}: killed workers lose only the connections that they had`, async t => {
    const killed = await measure(t, mode, pathOnTmpfs(t))
    t.true(killed.completed > 50, 'there was load')
    t.like(killed, { lost: 0, failedForNoReason: 0 })
    t.is(killed.rotations > 10, mode === 'ring in a file')
  })
}
