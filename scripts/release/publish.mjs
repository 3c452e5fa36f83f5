/**
 * `publish.mjs FOLDER`: publishes the tarballs in it, the platforms' packages first, so that nobody can install the main
 * package without them. For the release workflow alone: npm takes its identity in place of a token, so nothing else
 * happens where that is to be had, and no package is installed there. With `--dry-run` npm does all but the upload. A
 * version that is there already is passed over, so that a run that was cut off can be run again.
 */
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { run } from '../lib/run.mjs'
import { npm } from './package/pack.mjs'

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { 'dry-run': { type: 'boolean', default: false } },
})
const [folder] = positionals
if (!folder) throw new Error('usage: publish.mjs FOLDER [--dry-run]')

const packages = new Map()
for (const file of readdirSync(folder).filter(name => name.endsWith('.tgz'))) {
  const tarball = join(folder, file)
  const manifest = JSON.parse(await run('tar', ['-xzOf', tarball, 'package/package.json']))
  packages.set(manifest.name, { tarball, manifest })
}
const main = packages.get('tls-resumption')
if (!main) throw new Error(`${folder} has no tarball of tls-resumption`)
const platforms = Object.entries(main.manifest.optionalDependencies)
for (const [name, version] of platforms) {
  const found = packages.get(name)?.manifest.version
  if (found !== version) throw new Error(`${name} is of version ${found}, and ${version} is wanted`)
}

for (const name of [...platforms.map(([platform]) => platform), main.manifest.name]) {
  const { tarball, manifest } = packages.get(name)
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
