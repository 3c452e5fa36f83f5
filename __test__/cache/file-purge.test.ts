/** Purges that find no file, or come before it is opened. One after the other, since a purge means all caches of the process. */
import { once } from 'node:events'
import { mkdirSync, renameSync, rmdirSync, rmSync } from 'node:fs'
import test from 'ava'
import { connect, purge, SessionCache } from 'tls-resumption'
import { outcome } from '../support/outcome.ts'
import { finish, startServer, testAuthority } from '../support/server.ts'
import { hasSharedFiles, pathOnTmpfs, startSharing } from '../support/shared-file.ts'

const linuxTest = hasSharedFiles ? test.serial : test.skip

/** Puts the files elsewhere, and something that cannot be used in their place. Returns a function that puts them back. */
function moveAway(path: string): () => void {
  for (const file of [path, `${path}.v2`]) renameSync(file, `${file}.aside`)
  mkdirSync(path)
  return () => {
    rmdirSync(path)
    for (const file of [path, `${path}.v2`]) renameSync(`${file}.aside`, file)
  }
}

linuxTest(
  'cache in a file: a purge while the path cannot be used holds when the files come back',
  async t => {
    const { port, ca } = await startServer(t)
    for (const wait of [0, 1100]) {
      const path = pathOnTmpfs(t)
      const [one, two] = await Promise.all([startSharing(t, { path, ca }), startSharing(t, { path, ca })])
      await one.connect([port])
      t.true((await two.connect([port]))[0]?.resumed)
      await two.kill()
      const moveBack = moveAway(path)
      await new Promise(resolve => setTimeout(resolve, wait))
      // With a call the process notices the change.
      if (wait > 0) await one.stats()
      await one.purge('localhost')
      await one.kill()
      moveBack()
      t.false((await (await startSharing(t, { path, ca })).connect([port]))[0]?.resumed, `after ${wait} ms`)
    }
  },
)

linuxTest('cache in a file: purge warns while the path cannot be used', async t => {
  const path = pathOnTmpfs(t)
  const cache = new SessionCache({ path })
  const moveBack = moveAway(path)
  const warned = once(process, 'warning')
  purge({ host: 'warned.example' })
  const [{ code, message }] = (await warned) as [NodeJS.ErrnoException]
  t.is(code, 'TLS_RESUMPTION_PURGE')
  t.regex(message, /purge again/)
  moveBack()
  t.is(cache.size, 0)
})

linuxTest('cache in a file: a purge holds for a cache that the process opens later', async t => {
  const { port, ca } = await startServer(t)
  const path = pathOnTmpfs(t)
  const other = await startSharing(t, { path, ca })
  const isResumed = async () => {
    using sessionCache = new SessionCache({ path })
    return (await outcome(connect({ port, ca, servername: 'localhost', sessionCache }))).resumed
  }
  await other.connect([port])
  purge({ host: 'localhost' })
  t.false(await isResumed(), 'purged before it was opened')
  t.true(await isResumed(), 'opened again, it is not purged again')
  await other.connect([port])
  t.true(await isResumed())
  purge({ host: 'localhost' })
  t.false(await isResumed(), 'purged between two times')
})

linuxTest('cache in a file: a purge holds for a cache that has an earlier file of the path', async t => {
  const { port, ca } = await startServer(t)
  // Whichever of the two the process finds first.
  for (const tested of [0, 1]) {
    const path = pathOnTmpfs(t)
    using one = new SessionCache({ path })
    using two = new SessionCache({ path, ttl: 60_000 })
    const sessionCache = tested === 0 ? one : two
    const isResumed = async () =>
      (await outcome(connect({ port, ca, servername: 'localhost', sessionCache }))).resumed
    await isResumed()
    t.true(await isResumed())
    for (const file of [path, `${path}.v2`]) rmSync(file)
    // At least one of the two has the next file then.
    purge({ host: 'other.example' })
    purge({ host: 'localhost' })
    t.false(await isResumed(), `cache ${tested}`)
  }
})

linuxTest('cache in a file: a purge holds for earlier sessions when the file is made again', async t => {
  const { issue } = await testAuthority()
  const identity = await issue({ commonName: 'localhost', dnsNames: ['localhost'], usage: 'server' })
  const [{ port, ca }, other] = [await startServer(t, identity), await startServer(t, identity)]
  const path = pathOnTmpfs(t)
  const options = { ca, servername: 'localhost', sessionCache: new SessionCache({ path }) }
  const open = () => connect({ ...options, port })
  const keep = async () => {
    const socket = open()
    let session = Buffer.alloc(0)
    socket.on('session', emitted => {
      session = emitted
    })
    await finish(socket)
    return session
  }
  const isOffered = async (session: Buffer) => (await outcome(connect({ ...options, port, session }))).resumed
  const makeAgain = async () => {
    for (const file of [path, `${path}.v2`]) rmSync(file)
    await new Promise(resolve => setTimeout(resolve, 1100))
    // The session relies on a chain, which is in the file.
    await finish(connect({ ...options, port: other.port }))
  }
  const first = await keep()
  t.true(await isOffered(first))
  purge({ host: 'localhost', port })
  t.false(await isOffered(first))
  await makeAgain()
  t.false(await isOffered(first), 'the new file counts no purge')
  const [second] = [await keep(), purge({ host: 'localhost', port })]
  const third = await keep()
  t.false(await isOffered(second))
  t.true(await isOffered(third))
  await makeAgain()
  purge({ host: 'localhost', port })
  t.false(await isOffered(third), 'the new file counts one purge, as the earlier one did')
})
