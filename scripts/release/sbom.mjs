/**
 * `npm run sbom`: lists the parts of the package as CycloneDX, under target/sbom. The crates in the binaries come
 * from `cargo install cargo-cyclonedx`, the npm packages from npm. None of the latter is used at run time.
 */
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { run } from '../lib/run.mjs'
import { root } from '../lib/setup.mjs'
import { npm } from './package/pack.mjs'

const folder = join(root, 'target', 'sbom')
rmSync(folder, { recursive: true, force: true })
mkdirSync(folder, { recursive: true })

const choice = ['--package-lock-only', '--sbom-format', 'cyclonedx', '--sbom-type', 'library']
writeFileSync(join(folder, 'npm.cdx.json'), await npm(['sbom', ...choice, '--omit', 'dev']))
writeFileSync(join(folder, 'npm-development.cdx.json'), await npm(['sbom', ...choice]))

const crate = join(root, 'crates', 'binding')
await run('cargo', [
  ...['cyclonedx', '--manifest-path', join(crate, 'Cargo.toml'), '--format', 'json'],
  ...['--target', 'all', '--no-build-deps', '--override-filename', 'binary.cdx'],
])
// It writes a file beside every crate of the workspace, which contains paths of this machine.
for (const name of readdirSync(join(root, 'crates'))) {
  const made = join(root, 'crates', name, 'binary.cdx.json')
  const text = readFileSync(made, 'utf8').replaceAll(root.replaceAll('\\', '/'), '')
  rmSync(made)
  if (name === 'binding') writeFileSync(join(folder, 'binary.cdx.json'), text)
}
process.stdout.write(`${readdirSync(folder).join('\n')}\n`)
