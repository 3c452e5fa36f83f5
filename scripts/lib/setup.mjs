/**
 * Sets a checkout up: installs dependencies, builds addon and TypeScript. Does only what is out of date, and prints
 * nothing then. Writes only to stderr, because callers may print JSON on stdout. Run as a program, it only sets up.
 */
import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

export const root = fileURLToPath(new URL('../..', import.meta.url)).replace(/[\\/]$/, '')

/** The inputs of a build. Changes of other files need no build. */
const BUILD_INPUTS = [
  '.cargo',
  'Cargo.lock',
  'Cargo.toml',
  'crates',
  'package.json',
  'rust-toolchain.toml',
  'scripts/build/package',
  'src',
  'tsconfig.json',
]

/** Beside cargo's output. */
const BUILD_STAMP = join(root, 'target', 'build-inputs')

/** Tests and builds need all kinds of dependencies, also if NODE_ENV or npm's configuration leaves some out. */
const INSTALL_FLAGS = ['--include=dev', '--include=optional', '--no-audit', '--no-fund']

/** Installs and builds what is missing or out of date. If a step fails, shows its output and rejects. */
export async function setUp() {
  if (!dependenciesAreCurrent()) await step('installing dependencies', () => install())

  // Taken before the build, so that a file that changes during the build counts as newer.
  const inputs = fingerprint(BUILD_INPUTS)
  if (buildIsCurrent(inputs)) return
  // A compiler that reports errors may have written output. Without a stamp that output is never current.
  rmSync(BUILD_STAMP, { force: true })
  await step('building (the first time takes a minute or more)', () => npm(['run', 'build']))
  removeStaleOutput()
  mkdirSync(dirname(BUILD_STAMP), { recursive: true })
  writeFileSync(BUILD_STAMP, inputs)
}

/**
 * Installs the drivers of `npm run test:servers`, which have a package of their own. Rejects as {@link setUp} does.
 */
export async function installDrivers() {
  const directory = join(root, 'e2e', 'drivers')
  if (dependenciesAreCurrent(directory)) return
  await step('installing drivers', () => install(directory))
}

/** Installs the packages that `npm run test:compare` runs, in the same way. */
export async function installCompared() {
  const directory = join(root, 'e2e', 'compare')
  if (dependenciesAreCurrent(directory)) return
  await step('installing packages to compare with', () => install(directory))
}

/** Installs the bundlers of `npm run test:package`, in the same way. */
export async function installBundlers() {
  const directory = join(root, 'e2e', 'bundlers')
  if (dependenciesAreCurrent(directory)) return
  await step('installing bundlers', () => install(directory))
}

/** Installs the process manager of `npm run test:pm2`, in the same way. */
export async function installPm2() {
  const directory = join(root, 'e2e', 'pm2')
  if (dependenciesAreCurrent(directory)) return
  await step('installing pm2', () => install(directory))
}

/** Installs the extractor of `npm run docs`, in the same way. */
export async function installReference() {
  const directory = join(root, 'scripts', 'docs', 'reference')
  if (dependenciesAreCurrent(directory)) return
  await step('installing the extractor of the reference', () => install(directory))
}

function dependenciesAreCurrent(directory = root) {
  const wanted = join(directory, 'package-lock.json')
  const installed = join(directory, 'node_modules', '.package-lock.json')
  if (!existsSync(installed)) return false
  // Times do not help: a checkout touches the lockfile, and an installation without development packages is newer
  // but incomplete.
  const has = readPackages(installed)
  return Object.entries(readPackages(wanted)).every(
    ([path, { version, optional, link }]) =>
      path === '' || optional || link || has[path]?.version === version,
  )
}

function readPackages(lockfile) {
  return JSON.parse(readFileSync(lockfile, 'utf8')).packages
}

function buildIsCurrent(inputs) {
  const addon = join(root, 'dist', 'binding')
  return (
    existsSync(join(root, 'dist', 'index.js')) &&
    existsSync(join(root, 'lib', 'index.js')) &&
    existsSync(addon) &&
    readdirSync(addon).some(name => name.endsWith('.node')) &&
    existsSync(BUILD_STAMP) &&
    readFileSync(BUILD_STAMP, 'utf8') === inputs
  )
}

/** True if a file of `dist` comes from a source file that was removed. The compiler leaves its output. */
export function isStale(path) {
  const [, name, kind] = path.match(/^dist\/(?!binding\/)(.*?)(?:\.d)?\.(c?)(?:ts|js|js\.map)$/) ?? []
  return name !== undefined && !existsSync(join(root, 'src', `${name}.${kind}ts`))
}

function removeStaleOutput() {
  for (const name of readdirSync(join(root, 'dist'), { recursive: true })) {
    const path = `dist/${name.replaceAll('\\', '/')}`
    if (isStale(path)) rmSync(join(root, path))
  }
}

/** Hashes names, sizes and times of all files, so that a removed or restored file counts as a change too. */
function fingerprint(paths) {
  const hash = createHash('sha256').update(`${process.platform} ${process.arch}\n`)
  for (const path of paths) {
    for (const file of filesUnder(join(root, path))) {
      const { size, mtimeMs } = statSync(file)
      hash.update(`${file} ${size} ${mtimeMs}\n`)
    }
  }
  return hash.digest('hex')
}

function filesUnder(path) {
  if (!existsSync(path)) return []
  if (!statSync(path).isDirectory()) return [path]
  return readdirSync(path)
    .sort()
    .flatMap(name => filesUnder(join(path, name)))
}

function install(directory = root) {
  return npm(['ci', ...INSTALL_FLAGS], directory)
}

async function step(what, run) {
  process.stderr.write(`${what} ...\n`)
  const started = performance.now()
  const { command, code, output } = await run()
  if (code !== 0) {
    process.stderr.write(output)
    throw new Error(`${command} failed with ${code}`)
  }
  process.stderr.write(`${what} took ${((performance.now() - started) / 1000).toFixed(1)} s\n`)
}

function npm(npmArguments, cwd = root) {
  // Under `npm start` npm passes its path. Otherwise it is a command, which on Windows only a shell can run.
  const cli = process.env.npm_execpath
  const [command, ...first] = cli?.endsWith('.js') ? [process.execPath, cli] : ['npm']
  const child = spawn(command, [...first, ...npmArguments], {
    cwd,
    // Under `npm start --silent` this npm would not say why it failed.
    env: { ...process.env, npm_config_loglevel: 'warn' },
    shell: command === 'npm' && process.platform === 'win32',
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  return new Promise((resolve, reject) => {
    const output = []
    child.stdout.on('data', chunk => output.push(chunk))
    child.stderr.on('data', chunk => output.push(chunk))
    child.on('error', reject)
    child.on('close', (code, signal) =>
      resolve({
        command: `npm ${npmArguments.join(' ')}`,
        code: code ?? signal,
        output: Buffer.concat(output),
      }),
    )
  })
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await setUp()
