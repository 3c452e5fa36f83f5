/**
 * `npm run release:check`: runs the checklist before a release. The last line is `N passed, M failed`.
 *
 * - `-- --tag v1.2.3` checks that the tag is the one of the version.
 * - `-- --baseline REVISION` compares the APIs of the crates with that revision. The default is HEAD.
 * - `-- --binaries FOLDER` checks that the folder has the binaries of all platforms, without substitutes.
 */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { inspect } from '../build/platforms/inspect.mjs'
import { targets } from '../build/platforms/targets.mjs'
import { installTools } from '../build/platforms/tools.mjs'
import { ask, run } from '../lib/run.mjs'
import { root } from '../lib/setup.mjs'
import { checkOldestRust, checkSemver, dryRunPublish, hasSemverChecks } from './crates.mjs'
import { npm } from './package/pack.mjs'
import { notesOf, versionsIn } from './versions.mjs'

const { values } = parseArgs({
  options: { tag: { type: 'string' }, baseline: { type: 'string' }, binaries: { type: 'string' } },
})
const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
const { version } = manifest

const sum = { passed: 0, failed: 0, skipped: 0 }

await check('one version everywhere', () => {
  const others = versionsIn(root).filter(([, found]) => found !== version)
  return others.map(([where, found]) => `${where} says ${found}`).join(', ')
})
await check('it is a semantic version', () => /^\d+\.\d+\.\d+(-[a-z]+\.\d+)?$/.test(version) || version)
await check('CHANGELOG.md says what is new', () =>
  notesOf(root, version) ? '' : `it has no section for ${version}`,
)
await check('nothing is uncommitted', async () => (await run('git', ['status', '--porcelain'])).trim())
await check('the tag is that of the version', () => {
  const tag = values.tag ?? ask('git', ['describe', '--exact-match', '--tags'])
  return tag === `v${version}` || `it is ${tag ?? 'not tagged'}`
})
await check('provenance will match: `repository` is where this was built', () => {
  const url = manifest.repository?.url
  if (!url) return 'package.json names no repository, and npm refuses provenance without'
  const here = process.env.GITHUB_REPOSITORY
  return !here || url === `git+https://github.com/${here}.git` || `it is ${url}, and this is ${here}`
})
for (const field of ['repository', 'homepage', 'bugs', 'author']) {
  await check(`package.json has "${field}", which is the owner's to fill`, () =>
    manifest[field] ? '' : 'it is missing',
  )
}
await check('the licences of what is linked in are listed', () => npmRun('licences', '--check'))
await check('types, format and lints', () => npmRun('lint'))
await check('every recorded figure is of this code', () => npmRun('check:records'))
await check('the packages work', () => npmRun('test:package', ...(values.binaries ? [] : ['--quick'])))
await check('advisories of npm', () => npm(['audit']).then(() => ''))
for (const [what, kinds] of [
  ['licences and sources of crates', ['bans', 'licenses', 'sources']],
  ['advisories of crates', ['advisories']],
]) {
  await check(what, async () => {
    if (!ask('cargo', ['deny', '--version'])) return skip('no cargo-deny (cargo install cargo-deny)')
    await run('cargo', ['deny', 'check', ...kinds])
  })
}
await check('the crates can be published', () => dryRunPublish())
await check('the crates keep what their versions promise', () => {
  if (!hasSemverChecks()) return skip('no cargo-semver-checks (cargo install cargo-semver-checks --locked)')
  return checkSemver(values.baseline)
})
await check('the crates compile with the oldest Rust that they support', () => checkOldestRust())
for (const target of targets) {
  await check(`the binary for ${target.name}`, async () => {
    if (!values.binaries) return skip('--binaries names no folder')
    const path = [join(values.binaries, target.file), join(values.binaries, target.name, target.file)].find(
      existsSync,
    )
    if (!path) return 'it is missing'
    await installTools()
    const { facts, problems } = await inspect(path, target)
    // Only the substitute for Windows imports Node-API from a program with that name.
    if (facts.needed.some(name => /^node\.exe$/i.test(name))) problems.push('it is a substitute')
    return problems.join('; ')
  })
}

process.stdout.write(`\n${sum.passed} passed, ${sum.failed} failed, ${sum.skipped} skipped\n`)
process.exitCode = sum.failed ? 1 : 0

function npmRun(script, ...args) {
  const more = script === 'test:package' && values.binaries ? ['--binaries', values.binaries] : []
  return npm(['run', '--silent', script, '--', ...args, ...more], { env: { NO_COLOR: '1' } }).then(() => '')
}

/** Reports a check that this machine cannot make. It counts neither as passed nor as failed. */
function skip(why) {
  return { skipped: why }
}

/** Runs a check. `attempt` returns the problem, or undefined. */
async function check(what, attempt) {
  const outcome = await Promise.resolve()
    .then(attempt)
    .catch(({ message }) => message)
  const kind = outcome?.skipped ? 'skipped' : outcome && outcome !== true ? 'failed' : 'passed'
  sum[kind]++
  const mark = { passed: '✔', failed: '✘', skipped: '-' }[kind]
  process.stdout.write(`${mark} ${what}${kind === 'passed' ? '' : `: ${outcome.skipped ?? outcome}`}\n`)
}
