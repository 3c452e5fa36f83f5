/** Fetches the tests of Node.js from Debian's source packages into target, where they stay until that is removed. */
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { root } from '../modes.ts'

/** The tests of one version of Node.js. */
export interface Suite {
  version: string
  /** Holds `common`, `parallel` and so on. */
  directory: string
}

/** Releases of Debian, the newest last: each has another version of Node.js. */
const RELEASES = ['bookworm', 'trixie', 'forky', 'sid']

const home = join(root, 'target', 'compare', 'node')
const lists = join(home, 'lists')
const sources = join(home, 'sources.list')

/**
 * Returns the newest suite that Debian has for a major version of Node.js, or for an older one if it has none.
 * @throws where apt-get does not reach a source package.
 */
export function fetchSuite(major: number): Suite {
  const local = versionsHere().find(version => majorOf(version) === major)
  if (local) return suite(local)
  update()
  for (const version of versionsOfDebian().filter(version => majorOf(version) <= major)) {
    const fetched = upstreamOf(version)
    if (existsSync(suite(fetched).directory)) return suite(fetched)
    if (download(version, fetched)) return suite(fetched)
  }
  throw new Error(`no source package of Node.js ${major} or older could be fetched`)
}

function suite(version: string): Suite {
  return { version, directory: join(home, version, 'test') }
}

function versionsHere(): string[] {
  if (!existsSync(home)) return []
  return readdirSync(home)
    .filter(name => existsSync(suite(name).directory))
    .sort(newestFirst)
}

/** Refreshes lists of its own: the machine's are for packages only and name one release. */
function update(): void {
  mkdirSync(join(lists, 'partial'), { recursive: true })
  const lines = RELEASES.map(release => `deb-src http://deb.debian.org/debian ${release} main\n`)
  writeFileSync(sources, lines.join(''))
  run('apt-get', ['-qq', ...aptOptions(), 'update'], home)
}

function aptOptions(): string[] {
  return [
    `Dir::Etc::sourcelist=${sources}`,
    'Dir::Etc::sourceparts=/dev/null',
    `Dir::State::lists=${lists}`,
    'Dir::Cache::pkgcache=',
    'Dir::Cache::srcpkgcache=',
    'APT::Sandbox::User=root',
    'Acquire::Retries=3',
  ].flatMap(option => ['-o', option])
}

function versionsOfDebian(): string[] {
  const text = run('apt-cache', [...aptOptions(), 'showsrc', 'nodejs'], home)
  const versions = [...text.matchAll(/^Version: (.+)$/gm)].map(([, version = '']) => version)
  return [...new Set(versions)].sort(newestFirst)
}

/** Returns whether the tests of a version of Debian are there afterwards. A mirror may lack what its lists name. */
function download(version: string, upstream: string): boolean {
  const directory = join(home, `${upstream}.part`)
  rmSync(directory, { recursive: true, force: true })
  mkdirSync(directory, { recursive: true })
  // Its other archives are not needed, so that it fails for want of them does not matter.
  spawnSync('apt-get', ['-qq', ...aptOptions(), 'source', '--tar-only', `nodejs=${version}`], {
    cwd: directory,
  })
  const archive = readdirSync(directory).find(name => /\.orig\.tar\.\w+$/.test(name))
  if (!archive) return false
  run('tar', ['xf', archive, '--strip-components=1', '--wildcards', 'node-v*/test/*'], directory)
  rmSync(join(directory, archive))
  // The tests are CommonJS, whatever the package around target says.
  writeFileSync(join(directory, 'package.json'), '{}')
  renameSync(directory, join(home, upstream))
  return true
}

function run(program: string, args: readonly string[], cwd: string): string {
  const { status, stdout, stderr } = spawnSync(program, args, { cwd, encoding: 'utf8', maxBuffer: 1 << 28 })
  if (status !== 0) throw new Error(`${program} ${args.at(-1)} ended with ${status}\n${stderr}`)
  return stdout
}

function upstreamOf(version: string): string {
  return /^[\d.]+/.exec(version)?.[0] ?? version
}

function majorOf(version: string): number {
  return Number.parseInt(version, 10)
}

function newestFirst(a: string, b: string): number {
  return upstreamOf(b).localeCompare(upstreamOf(a), 'en', { numeric: true })
}
