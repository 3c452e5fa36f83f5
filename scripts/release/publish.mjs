/**
 * `publish.mjs --binaries FOLDER`: packs and publishes, the platforms' packages first, so that nobody can install the
 * main package without them. For the release workflow alone: npm takes its identity in place of a token.
 * With `--dry-run` npm does all but the upload. A version that is there already is passed over, so that a run that
 * was cut off can be run again.
 */
import { parseArgs } from 'node:util'
import { problemsOf } from '../package/contents.mjs'
import { npm, packAll } from '../package/pack.mjs'

const { values } = parseArgs({
  options: { binaries: { type: 'string' }, 'dry-run': { type: 'boolean', default: false } },
})
if (!values.binaries) throw new Error('usage: publish.mjs --binaries FOLDER [--dry-run]')

const packages = await packAll([values.binaries])
const problems = problemsOf(packages)
for (const { name, tarball } of packages) if (!tarball) problems.push(`${name} has no binary`)
if (problems.length) throw new Error(problems.join('\n'))

const [main, ...platforms] = packages
for (const { name, manifest, tarball } of [...platforms, main]) {
  const wanted = `${name}@${manifest.version}`
  if (!values['dry-run'] && (await isPublished(wanted))) {
    process.stdout.write(`${wanted} is there already\n`)
    continue
  }
  // A version such as 1.0.0-rc.1 is not what `npm install` should find.
  const tag = manifest.version.includes('-') ? 'next' : 'latest'
  const proof = values['dry-run'] ? ['--dry-run'] : ['--provenance']
  await npm(['publish', tarball, '--access', 'public', '--tag', tag, ...proof])
  process.stdout.write(`${wanted} ${values['dry-run'] ? 'would be' : 'is'} published as ${tag}\n`)
}

async function isPublished(wanted) {
  return npm(['view', wanted, 'version']).then(
    version => version.trim() !== '',
    // Any other failure shows itself when it is published.
    () => false,
  )
}
