/**
 * `npm run build:all`: builds, checks and runs the addon for every platform, as far as one machine can. On Debian,
 * as root, it installs what is missing.
 *
 * - `-- --targets linux-x64-gnu,…` builds only these.
 * - `--no-run` builds and checks.
 * - `--built` checks and runs earlier builds.
 * - `--twice` builds a second time from nothing and compares the hashes.
 * - `--write` puts the table into docs/reference/platforms.md.
 * - `--strict` fails if a target cannot be built, or only as a substitute.
 *
 * The binaries and report.json are in target/platforms.
 */
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { canInstall, installPackages } from '../../lib/debian.mjs'
import { run } from '../../lib/run.mjs'
import { root, setUp } from '../../lib/setup.mjs'
import { build, cannotBuild, output, triple } from './build.mjs'
import { writeCertificates } from './certificates.mjs'
import { inspect } from './inspect.mjs'
import { runnersFor } from './runners.mjs'
import { table, writeTable } from './table.mjs'
import { chosen } from './targets.mjs'
import { installTools, work } from './tools.mjs'

const flag = { type: 'boolean', default: false }
const { values } = parseArgs({
  options: {
    targets: { type: 'string', default: '' },
    'no-run': flag,
    built: flag,
    twice: flag,
    write: flag,
    strict: flag,
  },
})

/** Debian packages that were requested before. A second request would not help. */
const asked = new Set()

/** Emulated processors run at a tenth of the speed or less. */
const RUN_TIMEOUT = 300_000

const targets = chosen(values.targets.split(',').filter(Boolean))
await setUp()
await installTools()
const results = []
for (const target of targets) results.push(await attempt(target))

const certificates = mkdtempSync(join(tmpdir(), 'tls-resumption-'))
try {
  await writeCertificates(certificates)
  for (const result of results) if (result.path && !values['no-run']) await tryOut(result)
} finally {
  rmSync(certificates, { recursive: true, maxRetries: 3 })
}

writeFileSync(join(work, 'report.json'), `${JSON.stringify(results, null, 2)}\n`)
process.stdout.write(`\n${table(results)}\n`)
if (values.write) {
  const std = [
    ...new Set(results.filter(({ rust }) => rust).map(({ rust, std }) => `${rust}, standard library ${std}`)),
  ]
  writeTable(
    results,
    `Made by \`npm run build:all -- --write\` on ${process.platform} ${process.arch}: ${std.join('; ')}.`,
  )
}
const bad = results.filter(
  ({ failure, failed, problems = [], ran = [], target }) =>
    failed ||
    problems.length ||
    ran.some(({ problem }) => problem) ||
    (values.strict && (failure || target.standIn)),
)
process.stdout.write(`\n${results.length - bad.length} passed, ${bad.length} failed\n`)
process.exitCode = bad.length ? 1 : 0

async function attempt(target) {
  const lacking = await provided(() => cannotBuild(target))
  if (lacking) return { target, failure: lacking.missing }
  process.stderr.write(`${values.built ? 'checking' : 'building'} ${target.name} ...\n`)
  try {
    const built = values.built ? output(target) : await build(target)
    if (!existsSync(built.path)) return { target, failure: 'it was not built before' }
    const { facts, problems } = await inspect(built.path, target)
    if (values.twice) problems.push(...(await differs(target, facts)))
    return { target, triple: triple(target), ...built, facts, problems }
  } catch (error) {
    process.stderr.write(`${error.message}\n`)
    return { target, failure: 'its build fails', failed: true }
  }
}

/** Builds in a folder with another name, and returns true if the bytes are different. */
async function differs(target, { sha256 }) {
  const again = join(work, 'again', `a-folder-with-another-name`)
  const second = await build(target, join(again, 'cargo'), again)
  const { facts } = await inspect(second.path, target)
  rmSync(again, { recursive: true, maxRetries: 3 })
  return facts.sha256 === sha256
    ? []
    : [`a second build gave ${facts.sha256.slice(0, 16)} and not ${sha256.slice(0, 16)}`]
}

/**
 * Returns the result of `look`. If Debian packages are missing and can be installed, installs them and looks again.
 */
async function provided(look) {
  const found = await look()
  const packages = found?.packages?.filter(name => !asked.has(name)) ?? []
  if (packages.length === 0 || !canInstall()) return found
  for (const name of packages) asked.add(name)
  try {
    await installPackages(packages)
  } catch (error) {
    process.stderr.write(`${error.message}\n`)
    return found
  }
  return look()
}

/** Runs the smoke test on every Node.js that this machine has for the target. */
async function tryOut(result) {
  const { runners = [], missing } = await provided(() => runnersFor(result.target)).catch(error => {
    process.stderr.write(`${error.message}\n`)
    return { missing: 'its Node could not be had' }
  })
  Object.assign(result, { missing, ran: [] })
  for (const runner of runners) {
    process.stderr.write(`running ${result.target.name} on ${runner.label} ...\n`)
    result.ran.push({ label: runner.label, problem: await smoke(result, runner) })
  }
}

/** Returns the problem, or undefined. */
async function smoke({ path, target }, { command, env, path: named }) {
  // The copy of the package has no binary, so the binary under test is loaded.
  const directory = join(work, target.name)
  const copy = join(directory, 'package')
  const outcome = join(directory, 'outcome.json')
  rmSync(copy, { recursive: true, force: true, maxRetries: 3 })
  rmSync(outcome, { force: true })
  mkdirSync(copy, { recursive: true })
  cpSync(join(root, 'lib'), join(copy, 'lib'), { recursive: true })
  cpSync(join(root, 'package.json'), join(copy, 'package.json'))
  const script = join(root, 'scripts', 'build', 'platforms', 'smoke.mjs')
  const [program, ...first] = command
  const args = [script, join(copy, 'lib', 'index.js'), certificates, outcome].map(named)
  try {
    await run(program, [...first, ...args], {
      env: { ...env, TLS_RESUMPTION_ADDON: named(path) },
      timeout: RUN_TIMEOUT,
    })
    const { arch, seen } = JSON.parse(readFileSync(outcome, 'utf8'))
    if (arch !== target.arch) return `it was ${arch}`
    const expected = [false, true, true]
    for (const [version, reused] of Object.entries(seen)) {
      if (String(reused) !== String(expected)) return `${version} resumed ${reused} and not ${expected}`
    }
    return Object.keys(seen).length === 2 ? undefined : 'it did not try both versions of TLS'
  } catch (error) {
    const told = existsSync(outcome) ? JSON.parse(readFileSync(outcome, 'utf8')).error : error.message
    process.stderr.write(`${told}\n`)
    return 'it failed'
  }
}
