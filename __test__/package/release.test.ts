/** All packages and crates have one version, and `npm version` changes all of them. */
import { execFile } from 'node:child_process'
import { cp, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import test, { type ExecutionContext } from 'ava'

const root = join(import.meta.dirname, '../..')
const { versionsIn, notesOf } = await import(
  new URL('../../scripts/release/versions.mjs', import.meta.url).href
)
const run = promisify(execFile)

/** Copies all files that have a version to a new repository. */
async function copy(t: ExecutionContext): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'tls-resumption-release-'))
  t.teardown(() => rm(directory, { recursive: true, maxRetries: 3, force: true }))
  for (const name of [
    'package.json',
    'package-lock.json',
    'Cargo.toml',
    'Cargo.lock',
    'CHANGELOG.md',
    'npm',
  ]) {
    await cp(join(root, name), join(directory, name), { recursive: true })
  }
  await symlink(join(root, 'scripts'), join(directory, 'scripts'), 'junction')
  await run('git', ['init', '--quiet'], { cwd: directory })
  return directory
}

/** Runs `npm version` without commit and tag. */
function release(directory: string, version: string): Promise<unknown> {
  return run('npm', ['version', version, '--no-git-tag-version'], {
    cwd: directory,
    shell: process.platform === 'win32',
  })
}

test('release: package, platform packages and crates have one version', t => {
  const [[, version], ...others] = versionsIn(root)
  t.true(others.length > 12, 'at least eight platforms and four crates have a version')
  for (const [where, found] of others) t.is(found, version, where)
})

test('release: npm version changes all versions and closes the changelog', async t => {
  const directory = await copy(t)
  await writeFile(join(directory, 'CHANGELOG.md'), '# Changelog\n\n## Unreleased\n\n### Added\n- A thing.\n')
  await release(directory, '98.7.6')
  for (const [where, found] of versionsIn(directory)) t.is(found, '98.7.6', where)
  t.is(notesOf(directory, '98.7.6'), '### Added\n- A thing.')
  t.regex(
    await readFile(join(directory, 'CHANGELOG.md'), 'utf8'),
    /^# Changelog\n\n## Unreleased\n\n## 98\.7\.6 \(\d{4}-\d\d-\d\d\)\n/,
  )
  const locked = await readFile(join(root, 'Cargo.lock'), 'utf8')
  const moved = (await readFile(join(directory, 'Cargo.lock'), 'utf8')).replaceAll(
    '98.7.6',
    versionsIn(root)[0][1],
  )
  t.is(moved, locked, 'nothing else in the lockfile changes')
})

test('release: npm version fails if the changelog has no unreleased entry', async t => {
  const directory = await copy(t)
  await writeFile(
    join(directory, 'CHANGELOG.md'),
    '# Changelog\n\n## Unreleased\n\n## 0.0.1 (2026-01-01)\n- A thing.\n',
  )
  const error = await t.throwsAsync(release(directory, '98.7.6'))
  t.regex(String(error?.message), /CHANGELOG\.md has nothing under "Unreleased"/)
})
