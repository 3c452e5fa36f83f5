/** Makes the tarballs that would be published, by the steps of a release. Leaves the checkout unchanged. */
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { run } from '../../lib/run.mjs'
import { root } from '../../lib/setup.mjs'
import { copyNotices } from './notices.mjs'

const work = join(root, 'target', 'package')

/** The files of the main package, as npm finds them in the checkout. */
const STAGED = ['lib', 'npm']

/**
 * Packs the main package and those of all platforms. Takes the binaries from the folders given. Returns `{ name,
 * tarball, manifest, files, size }` for each; a platform without a binary has no tarball.
 */
export async function packAll(binaries) {
  const stage = join(work, 'stage')
  rmSync(work, { recursive: true, force: true, maxRetries: 3 })
  mkdirSync(stage, { recursive: true })
  // The checkout may belong to another user, about which git warns.
  const own = (await run('git', ['-c', 'safe.directory=*', 'ls-files']))
    .split('\n')
    .filter(name => name && !name.includes('/'))
  for (const name of [...own, ...STAGED]) {
    if (existsSync(join(root, name))) cpSync(join(root, name), join(stage, name), { recursive: true })
  }
  removeCondition(join(stage, 'package.json'))
  const missing = new Set()
  for (const platform of readdirSync(join(stage, 'npm'))) {
    const { main } = manifestIn(join(stage, 'npm', platform))
    const binary = binaries
      .flatMap(folder => [join(folder, platform, main), join(folder, main)])
      .find(existsSync)
    if (!binary) missing.add(platform)
    // The tool that is called below needs all folders.
    if (binary) cpSync(binary, join(stage, 'npm', platform, main))
    else writeFileSync(join(stage, 'npm', platform, main), '')
  }
  copyNotices(stage)
  // Adds the platforms' packages as optional dependencies. With these flags it publishes nothing.
  const napi = join(root, 'node_modules', '@napi-rs', 'cli', 'dist', 'cli.js')
  const flags = ['prepublish', '--tag-style', 'npm', '--skip-optional-publish', '--no-gh-release']
  await run(process.execPath, [napi, ...flags], { cwd: stage })

  const packages = [await pack(stage)]
  for (const platform of readdirSync(join(stage, 'npm'))) {
    const folder = join(stage, 'npm', platform)
    const manifest = manifestIn(folder)
    packages.push(missing.has(platform) ? { name: manifest.name, manifest } : await pack(folder))
  }
  return packages
}

/** Removes the condition by which tests import the modules of `dist`: that folder is not published. */
function removeCondition(path) {
  const manifest = JSON.parse(readFileSync(path, 'utf8'))
  for (const entry of Object.values(manifest.exports)) delete entry['tls-resumption-modules']
  writeFileSync(path, `${JSON.stringify(manifest, null, 2)}\n`)
}

async function pack(folder) {
  // Without scripts such as `prepack`: they build, and this tests the build that is there.
  const flags = ['pack', '--json', '--ignore-scripts', '--pack-destination', work]
  const output = JSON.parse(await npm(flags, { cwd: folder }))
  // An array up to npm 11, and an object by name from npm 12 on.
  const [{ filename, files, size }] = Array.isArray(output) ? output : Object.values(output)
  const manifest = manifestIn(folder)
  const tarball = join(work, filename)
  return { name: manifest.name, tarball, manifest, files: files.map(({ path }) => path), size }
}

/**
 * Runs npm with the options of {@link run}: the npm that runs this program, if one does. Resolves with its output.
 */
export function npm(args, options) {
  const cli = process.env.npm_execpath ?? join(process.execPath, '../../lib/node_modules/npm/bin/npm-cli.js')
  return existsSync(cli) ? run(process.execPath, [cli, ...args], options) : run('npm', args, options)
}

function manifestIn(folder) {
  return JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'))
}
