/** Files that a cache refuses: each error names what is wrong and a command. The variable of a process causes one warning. */
import { execFileSync } from 'node:child_process'
import {
  chmodSync,
  chownSync,
  linkSync,
  mkdirSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, dirname, join } from 'node:path'
import test, { type ExecutionContext } from 'ava'
import { SessionCache } from 'tls-resumption'
import { startServer } from '../support/server.ts'
import { hasSharedFiles, pathOnTmpfs } from '../support/shared-file.ts'
import { runNode, runProgramIn } from '../workers/spawn.ts'

const linuxTest = hasSharedFiles ? test : test.skip
const AUTO = ['--import', 'tls-resumption/auto']
const isRoot = process.getuid?.() === 0
const rootTest = hasSharedFiles && isRoot ? test : test.skip

interface Refused {
  what: string
  /** Makes the path one that is refused. Returns a text if another path is meant. */
  make: (t: ExecutionContext, path: string) => unknown
  /** What the message says is wrong. */
  message: RegExp
  /** The command that it names. */
  remedy: RegExp
  needsRoot?: boolean
}

const withFile = (change: (path: string) => unknown) => (_: ExecutionContext, path: string) => {
  new SessionCache({ path })[Symbol.dispose]()
  change(path)
}

function mountTmpfs(t: ExecutionContext, path: string, options: string): string {
  const folder = join(path, '..', 'mounted')
  mkdirSync(folder)
  execFileSync('mount', ['-t', 'tmpfs', '-o', options, 'tmpfs', folder])
  t.teardown(() => execFileSync('umount', ['--lazy', folder]))
  return folder
}

const REFUSED: readonly Refused[] = [
  { what: 'a folder', make: (_, path) => mkdirSync(path), message: /found a folder/, remedy: /ls -ld/ },
  {
    what: 'a symbolic link',
    make: withFile(path => {
      renameSync(path, `${path}.other`)
      symlinkSync(`${path}.other`, path)
    }),
    message: /found a symbolic link/,
    remedy: /ls -ld/,
  },
  {
    what: 'a named pipe',
    make: (_, path) => execFileSync('mkfifo', ['-m', '600', path]),
    message: /found a named pipe/,
    remedy: /ls -ld/,
  },
  {
    what: 'garbage',
    make: (_, path) => writeFileSync(path, 'garbage', { mode: 0o600 }),
    message: /found 7 bytes/,
    remedy: /rm \//,
  },
  {
    what: 'an empty file',
    make: (_, path) => writeFileSync(path, '', { mode: 0o600 }),
    message: /found 0 bytes/,
    remedy: /rm \//,
  },
  {
    what: 'a missing folder',
    make: (_, path) => rmSync(dirname(path), { recursive: true }),
    message: /existing folder/,
    remedy: /mkdir -p -m 700/,
  },
  {
    what: 'a file that others may read',
    make: withFile(path => chmodSync(path, 0o644)),
    message: /mode 0600, found 0644/,
    remedy: /others? .*rm \//i,
  },
  {
    what: 'a file that its owner may only read',
    make: withFile(path => chmodSync(path, 0o400)),
    message: /mode 0600, found 0400/,
    remedy: /chmod 600/,
  },
  {
    what: 'a file of sessions that its owner may only read',
    make: withFile(path => chmodSync(`${path}.v2`, 0o400)),
    message: /cache\.v2: expected mode 0600, found 0400/,
    remedy: /chmod 600 .*cache\.v2/,
  },
  {
    what: 'a file with a second name',
    make: withFile(path => linkSync(path, `${path}.too`)),
    message: /2 names/,
    remedy: /rm \//,
  },
  {
    what: 'a file that was truncated',
    make: withFile(path => truncateSync(path, 4096)),
    message: /4096 bytes/,
    remedy: /rm \//,
  },
  {
    what: 'a file of another user',
    make: withFile(path => chownSync(path, 12345, 12345)),
    message: /user 0, found user 12345/,
    remedy: /rm \//,
    needsRoot: true,
  },
  {
    what: 'a path on a disk',
    make: () => join(tmpdir(), `tls-resumption-${process.pid}`),
    message: /a file on tmpfs/,
    remedy: /\/dev\/shm/,
  },
  {
    what: 'a read-only mount',
    make: (t, path) => join(mountTmpfs(t, path, 'ro'), 'cache'),
    message: /a writable file system/,
    remedy: /mount -o remount,rw/,
    needsRoot: true,
  },
  {
    what: 'a tmpfs without room',
    make: (t, path) => join(mountTmpfs(t, path, 'size=64k'), 'cache'),
    message: /room for the file/,
    remedy: /df \//,
    needsRoot: true,
  },
]
for (const { what, make, message, remedy, needsRoot } of REFUSED) {
  const itsTest = needsRoot ? rootTest : linuxTest
  itsTest(`cache in a file: ${what} is an error that says so, and names a command`, t => {
    const path = changePath(t, make)
    const before = listAll(dirname(path))
    const error = t.throws(() => new SessionCache({ path }), { code: 'ERR_TLS_RESUMPTION_FILE' })
    t.regex(error.message, message)
    t.regex(error.message, remedy)
    t.true(error.message.includes(path))
    t.deepEqual(listAll(dirname(path)), before, 'it made and removed nothing')
  })

  itsTest(`TLS_RESUMPTION_PATH: ${what} causes one warning, and the process shares sessions`, async t => {
    const path = changePath(t, make)
    const { port, ca } = await startServer(t)
    const data = JSON.stringify({ port, ca, how: 'plain' })
    const { stdout, stderr } = await runProgramIn({ TLS_RESUMPTION_PATH: path }, AUTO, 'auto-app.mjs', data)
    const [full, ...others] = JSON.parse(stdout) as string[]
    t.regex(full ?? '', /full/)
    t.true(others.length > 2 && others.every(how => how.includes('resumed')), stdout)
    t.is(stderr.match(/TLS_RESUMPTION_ENVIRONMENT/g)?.length, 1, stderr)
    t.regex(stderr, message)
    t.regex(stderr, remedy)
  })
}

/** Returns a path that is refused. */
function changePath(t: ExecutionContext, make: Refused['make']): string {
  const path = pathOnTmpfs(t)
  const other = make(t, path)
  return typeof other === 'string' ? other : path
}

function listAll(folder: string): string[] {
  return statSync(folder, { throwIfNoEntry: false }) ? readdirSync(folder).sort() : []
}

linuxTest(
  'cache in a file: under the permission model the error names the flags, which are enough',
  async t => {
    const path = pathOnTmpfs(t)
    const code = `require('tls-resumption'); try { new (require('tls-resumption').SessionCache)({ path: ${JSON.stringify(path)} }) }
    catch (error) { console.log(error.code, error.message) }`
    const [major = 0] = process.versions.node.split('.').map(Number)
    const permission = major >= 23 ? '--permission' : '--experimental-permission'
    const flags = [permission, '--allow-addons', '--allow-fs-read=*']
    const { stdout, stderr } = await runNode([...flags, '-e', code])
    t.regex(stdout, /^ERR_TLS_RESUMPTION_FILE .*fs\.write.*--allow-fs-write/, stderr)
    const allowed = [path, `${path}.v2`]
    const opened = await runNode([...flags, ...allowed.map(file => `--allow-fs-write=${file}`), '-e', code])
    t.is(opened.stdout, '', opened.stderr)
    t.deepEqual(
      listAll(dirname(path)),
      allowed.map(file => basename(file)),
    )
  },
)

rootTest('cache in a file: what belongs to another user is an error that says so', async t => {
  const path = pathOnTmpfs(t)
  new SessionCache({ path })[Symbol.dispose]()
  const code = `const { SessionCache } = require('tls-resumption'); process.setuid(12345)
    try { new SessionCache({ path: ${JSON.stringify(path)} }) } catch (error) { console.log(error.code, error.message) }`
  t.regex(
    (await runNode(['-e', code])).stdout,
    /ERR_TLS_RESUMPTION_FILE .*a folder that this user may use.* ls -ld \//,
  )
  chmodSync(dirname(path), 0o755)
  t.regex(
    (await runNode(['-e', code])).stdout,
    /ERR_TLS_RESUMPTION_FILE .*a file of user 12345, found user 0.* rm \//,
  )
})

rootTest('cache in a file: sessions that find no room are not stored, and are counted', t => {
  const folder = mountTmpfs(t, pathOnTmpfs(t), 'size=1m')
  const cache = new SessionCache({ path: join(folder, 'cache'), max: 1000 })
  const session = Buffer.alloc(8000, 1)
  for (let n = 0; n < 500; n++) cache.set(`key ${n}`, session)
  const { size, file } = cache.stats()
  t.true(size > 0 && size < 500, `${size}`)
  t.true((file?.noSpace ?? 0) > 0)
  for (let n = 0; n < 500; n++) {
    const found = cache.get(`key ${n}`)
    t.true(found === undefined || found.equals(session))
  }
})
