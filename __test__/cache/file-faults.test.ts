/** Faults of the file while processes connect: no process ends, and no connection fails. */
import { execFileSync } from 'node:child_process'
import { mkdirSync, rmSync, statfsSync, statSync, truncateSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import test, { type ExecutionContext } from 'ava'
import { startServer } from '../support/server.ts'
import { hasSharedFiles, pathOnTmpfs, startSharing } from '../support/shared-file.ts'

const linuxTest = hasSharedFiles ? test : test.skip
const rootTest = hasSharedFiles && process.getuid?.() === 0 ? test : test.skip

const remove = (path: string) => {
  for (const file of [path, `${path}.v2`]) rmSync(file, { recursive: true, force: true })
}
const FAULTS: readonly [what: string, make: (path: string) => void][] = [
  ['the files are removed', remove],
  ['the file of sessions is removed', path => rmSync(`${path}.v2`, { force: true })],
  ['the files are truncated to nothing', path => truncateBoth(path, 0)],
  ['the files are truncated to a page', path => truncateBoth(path, 4096)],
  ['garbage is written over the files', path => writeBoth(path, 'r+')],
  ['the files get another content', path => writeBoth(path, 'w')],
  [
    'a folder takes the place of the file',
    path => {
      remove(path)
      mkdirSync(path)
    },
  ],
]

function existing(path: string): string[] {
  return [path, `${path}.v2`].filter(file => statSync(file, { throwIfNoEntry: false })?.isFile())
}

function truncateBoth(path: string, bytes: number): void {
  for (const file of existing(path)) truncateSync(file, bytes)
}

function writeBoth(path: string, flag: string): void {
  for (const file of existing(path)) writeFileSync(file, Buffer.alloc(300_000, 0xa5), { flag })
}

/** Has two processes of two threads connect whenever `disturb` says so. */
async function connectDuring(
  t: ExecutionContext,
  path: string,
  disturb: (connect: () => Promise<void>) => Promise<void>,
): Promise<void> {
  const { port, ca, handshakes } = await startServer(t)
  const start = () => startSharing(t, { path, ca, threads: 2 })
  const processes = await Promise.all([start(), start()])
  const connect = async () => {
    const all = await Promise.all(processes.map(each => each.connect([port], { times: 3 })))
    for (const outcome of all.flat()) t.like(outcome, { authorized: true, refused: undefined })
  }
  // All threads have opened the file then.
  await connect()
  await disturb(connect)
  for (const { child } of processes) t.is(child.exitCode ?? child.signalCode, null, 'it runs')
  t.true(handshakes.resumed > 0, JSON.stringify(handshakes))
}

for (const [what, make] of FAULTS) {
  linuxTest(`cache in a file: no connection fails while ${what}, again and again`, async t => {
    t.timeout(120_000)
    const path = pathOnTmpfs(t)
    await connectDuring(t, path, async connect => {
      const end = Date.now() + 2500
      while (Date.now() < end) {
        const connecting = connect()
        make(path)
        await connecting
        make(path)
        await connect()
      }
      // What processes cannot use, they leave. Without it they share a file again.
      remove(path)
      await new Promise(resolve => setTimeout(resolve, 1100))
      await connect()
      await connect()
    })
    t.true(statSync(path).isFile(), 'a new file')
  })
}

rootTest('cache in a file: no connection fails with 64 KiB of room in the tmpfs', async t => {
  t.timeout(120_000)
  const folder = join(dirname(pathOnTmpfs(t)), 'small')
  mkdirSync(folder)
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=3m', 'tmpfs', folder])
  t.teardown(() => execFileSync('umount', ['--lazy', folder]))
  const path = join(folder, 'cache')
  await connectDuring(t, path, async connect => {
    const { bavail, bsize } = statfsSync(folder)
    writeFileSync(join(folder, 'filler'), Buffer.alloc(bavail * bsize - 65_536))
    t.true(statfsSync(folder).bavail * bsize <= 65_536)
    for (let n = 0; n < 5; n++) await connect()
    // Now there is no room for another file either.
    writeFileSync(join(folder, 'filler 2'), Buffer.alloc(statfsSync(folder).bavail * bsize))
    for (let n = 0; n < 5; n++) await connect()
  })
})
