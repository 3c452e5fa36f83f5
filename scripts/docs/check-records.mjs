/**
 * `npm run check:records`: lists each recorded table that was measured before the last change of what it measures. Prints
 * nothing and exits with 0 if there is none.
 */
import { spawnSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { root } from '../lib/setup.mjs'

const RESULTS = join('benchmark', 'results')

/** What every benchmark measures with. How figures are written decides none of them. */
const SHARED = [
  'benchmark/lib',
  ...[
    'report',
    'format.ts',
    'options.ts',
    'progress.ts',
    'record.ts',
    'result.ts',
    'summary.ts',
    'target.ts',
  ].map(name => `:(exclude)benchmark/lib/${name}`),
  'fixtures',
]
const PACKAGE = ['src', 'crates/core', 'crates/binding', 'crates/session', 'Cargo.lock']

/** The folders that a benchmark measures. */
const MEASURED = {
  clients: [...PACKAGE, 'benchmark/client', 'benchmark/start'],
  servers: [...PACKAGE, 'benchmark/server'],
  networks: [...PACKAGE, 'benchmark/networks', 'e2e/drivers/real'],
  production: [...PACKAGE, 'benchmark/production'],
  node: ['src/cache', 'src/native', 'crates/core', 'crates/binding', 'benchmark/addon'],
  core: ['crates/core', 'benchmark/store'],
  redis: ['src/fleet', 'src/native', 'crates/core', 'crates/binding', 'benchmark/fleet'],
  segment: ['src/cache', 'src/native', 'crates/core', 'crates/binding', 'benchmark/segment'],
  'start-up': [...PACKAGE, 'benchmark/start-up'],
}

/** Not measured: tests, and tools beside the code. */
const EXCLUDED = ['tests', 'benches', 'fuzz', 'examples'].map(name => `:(exclude,glob)crates/**/${name}/**`)

const stale = readdirSync(join(root, RESULTS), { recursive: true, encoding: 'utf8' })
  .filter(file => file.endsWith('.json'))
  .flatMap(staleTables)
for (const line of stale) process.stdout.write(`${line}\n`)
process.exitCode = stale.length > 0 ? 1 : 0

function staleTables(file) {
  const { name, commit, tables } = JSON.parse(readFileSync(join(root, RESULTS, file), 'utf8'))
  // The records of drivers, clients and probes have other forms.
  if (!Array.isArray(tables)) return []
  const reason = whyStale(name, commit)
  return reason ? tables.map(({ id }) => `${file}: ${name}/${id}, commit ${commit}: ${reason}`) : []
}

/** Returns why a record is stale, or undefined. */
function whyStale(name, commit) {
  const folders = MEASURED[name]
  if (folders === undefined) return 'no folders are listed for it here'
  if (commit.endsWith('+')) return 'the tree had changes that are in no commit'
  const paths = [...folders, ...SHARED, ...EXCLUDED]
  const { status, stdout } = spawnSync('git', ['diff', '--name-only', commit, '--', ...paths], {
    cwd: root,
    encoding: 'utf8',
  })
  if (status !== 0) return 'the commit is not known'
  const changed = stdout.split('\n').filter(Boolean)
  return changed.length > 0 ? `changed since: ${[...new Set(changed.map(folderOf))].join(', ')}` : undefined
}

function folderOf(path) {
  return path.split('/').slice(0, 2).join('/')
}
