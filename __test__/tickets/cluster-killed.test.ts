/** Workers that are killed while clients reconnect, with a cluster of Node alone as the yardstick. */
import test from 'ava'
import { testAuthority } from '../support/server.ts'
import type { Killed } from '../workers/cluster-killed.ts'
import { runProgram, TYPESCRIPT } from '../workers/spawn.ts'

const onUnix = process.platform === 'win32' ? test.skip : test

onUnix('cluster: killed workers lose only the connections that they had, while keys rotate', async t => {
  const { cert, issue } = await testAuthority()
  const identity = JSON.stringify(await issue({ commonName: 'localhost', usage: 'server' }))
  const measure = async (mode: string): Promise<Killed> => {
    const { code, stdout, stderr } = await runProgram(TYPESCRIPT, 'cluster-killed.ts', mode, identity, cert)
    t.is(code, 0, stderr)
    return JSON.parse(stdout)
  }
  const ring = await measure('ring')
  const plain = await measure('plain')
  t.true(ring.completed > 50 && ring.rotations > 10, 'there was load, and keys rotated')
  const { lost, failedForNoReason } = plain
  t.like(ring, { lost, failedForNoReason })
  t.like(ring, { lost: 0, failedForNoReason: 0 })
})
