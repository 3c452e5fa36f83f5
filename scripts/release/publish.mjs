/**
 * `publish.mjs FOLDER`: publishes the tarballs of a folder. The platforms' packages come first, so that the main
 * package cannot be installed without them.
 *
 * Only the release workflow runs it, where npm takes the workflow's identity as its token. So nothing else happens
 * in that job, and no package is installed there. With `--dry-run` npm does everything but the upload. Skips
 * versions that exist already, so that an interrupted run can be repeated.
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
  if (found !== version) throw new Error(`${name} must have version ${version}. Found ${found}.`)
}

for (const name of [...platforms.map(([platform]) => platform), main.manifest.name]) {
  const { tarball, manifest } = packages.get(name)
  const wanted = `${name}@${manifest.version}`
  if (!values['dry-run'] && (await isPublished(wanted))) {
    process.stdout.write(`${wanted} exists already\n`)
    continue
  }
  // `npm install` must not find a version such as 1.0.0-rc.1.
  const tag = manifest.version.includes('-') ? 'next' : 'latest'
  const proof = values['dry-run'] ? ['--dry-run'] : ['--provenance']
  await npm(['publish', tarball, '--access', 'public', '--tag', tag, ...proof])
  process.stdout.write(`${wanted} ${values['dry-run'] ? 'would be' : 'is'} published as ${tag}\n`)
}

async function isPublished(wanted) {
  return npm(['view', wanted, 'version']).then(
    version => version.trim() !== '',
    // Publishing reports any other failure.
    () => false,
  )
}
