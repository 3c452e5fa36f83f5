/** Makes the tarballs that would be published, by the steps that a release takes, and leaves the checkout as it is. */
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { run } from '../../lib/run.mjs'
import { root } from '../../lib/setup.mjs'
import { copyNotices } from './notices.mjs'

const work = join(root, 'target', 'package')

/** What the main package is made from: as npm finds it in the checkout. */
const STAGED = ['dist', 'npm']

/**
 * Packs the main package and those of all platforms, whose binaries are taken from the folders given, where they are.
 * Each is `{ name, tarball, manifest, files, size }`; without its binary a platform's has no tarball.
 */
export async function packAll(binaries) {
  const stage = join(work, 'stage')
  rmSync(work, { recursive: true, force: true, maxRetries: 3 })
  mkdirSync(stage, { recursive: true })
  // The checkout may belong to another user, of which git warns.
  const own = (await run('git', ['-c', 'safe.directory=*', 'ls-files']))
    .split('\n')
    .filter(name => name && !name.includes('/'))
  for (const name of [...own, ...STAGED]) {
    if (existsSync(join(root, name))) cpSync(join(root, name), join(stage, name), { recursive: true })
  }
  const missing = new Set()
  for (const platform of readdirSync(join(stage, 'npm'))) {
    const { main } = manifestIn(join(stage, 'npm', platform))
    const binary = binaries
      .flatMap(folder => [join(folder, platform, main), join(folder, main)])
      .find(existsSync)
    if (!binary) missing.add(platform)
    // The tool that is called below wants all to be there.
    if (binary) cpSync(binary, join(stage, 'npm', platform, main))
    else writeFileSync(join(stage, 'npm', platform, main), '')
  }
  copyNotices(stage)
  // Names the platforms' packages as optional dependencies; with these flags it publishes nothing.
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

async function pack(folder) {
  // Not `prepack` and the like: they build, and what is tried here is what was built.
  const flags = ['pack', '--json', '--ignore-scripts', '--pack-destination', work]
  const output = JSON.parse(await npm(flags, { cwd: folder }))
  // An array up to npm 11, and by name from npm 12 on.
  const [{ filename, files, size }] = Array.isArray(output) ? output : Object.values(output)
  const manifest = manifestIn(folder)
  const tarball = join(work, filename)
  return { name: manifest.name, tarball, manifest, files: files.map(({ path }) => path), size }
}

/** Runs npm, that which runs this if one does, with the options of {@link run}. Resolves with what it prints. */
export function npm(args, options) {
  const cli = process.env.npm_execpath ?? join(process.execPath, '../../lib/node_modules/npm/bin/npm-cli.js')
  return existsSync(cli) ? run(process.execPath, [cli, ...args], options) : run('npm', args, options)
}

function manifestIn(folder) {
  return JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'))
}
