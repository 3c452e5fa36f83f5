/** Installs the packed package by other programs than npm, and runs programs that use it. */
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { run } from '../../lib/run.mjs'
import { root } from '../../lib/setup.mjs'

const TIMEOUT = 120_000
const packages = join(root, 'e2e', 'bundlers', 'node_modules')
const YARN = join(packages, '@yarnpkg', 'cli-dist', 'bin', 'yarn.js')
const PNPM = join(packages, 'pnpm', 'bin', 'pnpm.cjs')

/** Each has the command that installs, its settings, and the arguments before a program's own. */
const INSTALLERS = {
  pnpm: { command: [process.execPath, PNPM, 'install', '--no-frozen-lockfile'], program: () => [] },
  'Yarn with node_modules': {
    command: [process.execPath, YARN, 'install'],
    linker: 'node-modules',
    program: () => [],
  },
  "Yarn Plug'n'Play": {
    command: [process.execPath, YARN, 'install'],
    linker: 'pnp',
    program: () => [YARN, 'node'],
  },
}

/** Returns the installers, with Bun if npm has it for this platform: `bun` is its path. */
export function installers(bun) {
  return bun ? { ...INSTALLERS, Bun: { command: [bun, 'install'], program: () => [] } } : INSTALLERS
}

/** Installs the package. Returns how to run a program there, and how to remove it. */
export async function install({ command, linker, program }, { registry, project }) {
  const home = mkdtempSync(join(tmpdir(), 'tls-resumption-installed-'))
  const directory = join(home, 'project')
  const bin = join(home, 'bin')
  for (const path of [directory, bin]) mkdirSync(path)
  symlinkSync(process.execPath, join(bin, 'node'))
  for (const name of ['resume.mjs', 'esm.mjs', 'commonjs.cjs', 'flag.mjs']) {
    cpSync(join(project.directory, name), join(directory, name))
  }
  writeFileSync(
    join(directory, 'package.json'),
    JSON.stringify({ private: true, dependencies: { 'tls-resumption': '*' } }),
  )
  writeFileSync(join(directory, '.npmrc'), `registry=${registry.url}/\n`)
  if (linker) {
    writeFileSync(join(directory, 'yarn.lock'), '')
    writeFileSync(
      join(directory, '.yarnrc.yml'),
      `nodeLinker: ${linker}\nnpmRegistryServer: '${registry.url}'\nunsafeHttpWhitelist: ['127.0.0.1']\n` +
        'npmMinimalAgeGate: 0\nenableTelemetry: false\nenableGlobalCache: false\nenableImmutableInstalls: false\n',
    )
  }
  const env = {
    PATH: `${bin}:/usr/bin:/bin`,
    HOME: home,
    XDG_CACHE_HOME: join(home, 'cache'),
    CERTIFICATES: project.certificates,
    NODE_EXTRA_CA_CERTS: join(project.certificates, 'ca.pem'),
    npm_config_registry: registry.url,
  }
  const within = { cwd: directory, env, clean: true, timeout: TIMEOUT }
  const [installer, ...args] = command
  await run(installer, args, within)
  return {
    run: (node, own) => run(node, [...program(), ...own], within),
    remove: () => rmSync(home, { recursive: true, force: true, maxRetries: 3 }),
  }
}
