/** Projects that use the packages. Each is a folder outside of the checkout, installed only from the packages. */
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { writeCertificates } from '../../build/platforms/certificates.mjs'
import { run } from '../../lib/run.mjs'
import { root } from '../../lib/setup.mjs'
import { npm } from './pack.mjs'

const PROGRAMS = join(root, 'scripts', 'release', 'package', 'consumers')
const TIMEOUT = 120_000
const WINDOWS = process.platform === 'win32'

/** Returns a project that has the package installed. Its PATH has only Node.js: no compiler, no cargo. */
export async function createProject(registry, { omit } = {}) {
  const home = realpathSync(mkdtempSync(join(tmpdir(), 'tls-resumption-consumer-')))
  const [directory, bin, certificates] = ['project', 'bin', 'certificates'].map(name => join(home, name))
  for (const path of [directory, bin, certificates]) mkdirSync(path)
  await writeCertificates(certificates, ['localhost', 'db.example'])
  cpSync(PROGRAMS, directory, { recursive: true })
  writeFileSync(join(directory, 'readme.mjs'), readmeExample())
  writeFileSync(join(directory, 'package.json'), '{ "private": true }\n')
  symlinkSync(process.execPath, join(bin, WINDOWS ? 'node.exe' : 'node'))
  const env = {
    PATH: bin,
    HOME: home,
    CERTIFICATES: certificates,
    NODE_EXTRA_CA_CERTS: join(certificates, 'ca.pem'),
    npm_config_registry: registry.url,
    npm_config_cache: join(home, 'cache'),
    npm_config_userconfig: join(home, 'npmrc'),
    ...(WINDOWS && { SYSTEMROOT: process.env.SYSTEMROOT, TEMP: process.env.TEMP }),
  }
  const flags = ['install', '--no-audit', '--no-fund', ...(omit ? [`--omit=${omit}`] : []), 'tls-resumption']
  const within = { cwd: directory, env, clean: true, timeout: TIMEOUT }
  await npm(flags, within)
  addTypeTests(join(directory, 'types'))
  return {
    directory,
    certificates,
    run: (program, args) => run(program, args, within),
    runIn: (cwd, program, args) => run(program, args, { ...within, cwd }),
    // npm runs programs by a shell, which the PATH does not have.
    npx: args =>
      npm(['exec', '--offline', ...(WINDOWS ? [] : ['--script-shell=/bin/sh']), '--', ...args], within),
    remove: () => rmSync(home, { recursive: true, force: true, maxRetries: 3 }),
  }
}

/**
 * Copies the tests of types and their imports to a place outside of the package's own declarations. They have to
 * compile without the optional peers.
 */
function addTypeTests(directory) {
  const tests = join(root, '__test__', 'types')
  const imported = new Set()
  mkdirSync(directory)
  for (const name of readdirSync(tests)) {
    const source = readFileSync(join(tests, name), 'utf8')
    for (const [, found] of source.matchAll(/ from '((?:@[^/']+\/)?[^/':.]+)[^':]*'$/gm)) imported.add(found)
    writeFileSync(join(directory, name.replace(/\.ts$/, '.mts')), source)
  }
  imported.delete('tls-resumption')
  for (const name of imported) {
    const link = join(directory, 'node_modules', name)
    mkdirSync(dirname(link), { recursive: true })
    symlinkSync(join(root, 'node_modules', name), link, 'junction')
  }
}

/**
 * Compiles typescript.ts, the tests of types and, if the kind allows it, required.cts, as a project of that kind
 * would. Includes the package's declarations. Returns the paths of the results.
 */
export async function compile(project, kind) {
  const compilerOptions = {
    ...(kind === 'bundler' ? { module: 'esnext', moduleResolution: 'bundler' } : { module: kind }),
    target: 'es2022',
    lib: ['es2022'],
    strict: true,
    skipLibCheck: false,
    types: ['node'],
    typeRoots: [join(root, 'node_modules', '@types')],
    rootDir: '.',
    outDir: `out-${kind}`,
  }
  const files = ['typescript.mts', ...(kind === 'nodenext' ? ['required.cts'] : [])]
  const configuration = join(project.directory, `tsconfig.${kind}.json`)
  writeFileSync(configuration, JSON.stringify({ compilerOptions, files, include: ['types'] }))
  cpSync(join(project.directory, 'typescript.ts'), join(project.directory, 'typescript.mts'))
  const require = createRequire(import.meta.url)
  const tsc = join(require.resolve('typescript/package.json'), '..', 'bin', 'tsc')
  await project.run(process.execPath, [tsc, '--project', configuration])
  cpSync(join(project.directory, 'resume.mjs'), join(project.directory, `out-${kind}`, 'resume.mjs'))
  return files.map(name => join(project.directory, `out-${kind}`, name.replace(/ts$/, 'js')))
}

/** Bundles esm.mjs with esbuild and returns the path of the result. */
export async function bundle(project, { format, external }) {
  const { build } = await import('esbuild')
  const outfile = join(
    project.directory,
    `bundle-${external ? 'external' : 'inlined'}.${format === 'esm' ? 'mjs' : 'cjs'}`,
  )
  const entry = join(project.directory, format === 'esm' ? 'esm.mjs' : 'bundled.mjs')
  await build({
    entryPoints: [entry],
    absWorkingDir: project.directory,
    bundle: true,
    platform: 'node',
    logLevel: 'error',
    external: external ? ['tls-resumption'] : [],
    // What users of any package with an addon set.
    loader: { '.node': 'copy' },
    // An ES module has no `require`, and CommonJS that esbuild includes in one needs it.
    ...(format === 'esm' && {
      banner: {
        js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url)",
      },
    }),
    ...{ format, outfile },
  })
  return outfile
}

/** Returns the first example of the README, with a server to connect to and a check that it resumes. */
function readmeExample() {
  const example = readFileSync(join(root, 'README.md'), 'utf8').match(/```js\n(.*?)```/s)?.[1]
  if (!example?.includes("host: 'db.example', port: 5433"))
    throw new Error('the first example of the README has changed')
  return `import dns from 'node:dns'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import tls from 'node:tls'

const [ca, cert, key] = ['ca', 'cert', 'key'].map(name => readFileSync(\`\${process.env.CERTIFICATES}/\${name}.pem\`))
const server = tls.createServer({ ca, cert, key, requestCert: true, rejectUnauthorized: false })
server.on('secureConnection', socket => socket.on('error', () => {}))
await once(server.listen(0, '127.0.0.1'), 'listening')
const { port } = server.address()
dns.lookup = (name, { all }, answer) =>
  all ? answer(null, [{ address: '127.0.0.1', family: 4 }]) : answer(null, '127.0.0.1', 4)

${example.replaceAll('port: 5433', 'port')}
await once(socket, 'session')
const again = connect({ host: 'db.example', port, ca, cert, key, sessionCache })
await once(again, 'secureConnect')
console.log(JSON.stringify([socket.isSessionReused(), again.isSessionReused()]))
process.exit()
`
}

/** Runs Jest in its usual set-up, in which tests are CommonJS, with these setup files. Rejects if a test fails. */
export async function runJest(project, setupFiles) {
  const folder = join(project.directory, 'jest')
  mkdirSync(folder, { recursive: true })
  writeFileSync(join(folder, 'package.json'), '{ "private": true }\n')
  writeFileSync(
    join(folder, 'one.test.js'),
    "test('it loads', () => expect(typeof require('tls-resumption').connect).toBe('function'))\n",
  )
  writeFileSync(join(folder, 'jest.config.json'), JSON.stringify({ rootDir: folder, setupFiles }))
  const jest = join(root, 'e2e', 'bundlers', 'node_modules', 'jest', 'bin', 'jest.js')
  await project.run(process.execPath, [jest, '--config', join(folder, 'jest.config.json')])
}
