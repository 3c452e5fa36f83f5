/**
 * `npm run test:package`: packs what would be published and checks its contents. Then uses it from projects that
 * are installed only from the packages: on all supported release lines of Node.js, on Deno and Bun, and by other installers
 * and bundlers. The last line is `N passed, M failed`.
 *
 * - `-- --quick` uses only the Node.js that runs it.
 * - `-- --keep` keeps the projects.
 * - `-- --binaries FOLDER` takes the binaries from there, and needs all of them.
 */
import { readFileSync } from 'node:fs'
import { extname, join } from 'node:path'
import { parseArgs } from 'node:util'
import { work as built } from '../../build/platforms/tools.mjs'
import { nodeProgram } from '../../lib/nodes.mjs'
import { run } from '../../lib/run.mjs'
import { installBundlers, root, setUp } from '../../lib/setup.mjs'
import { runElsewhere, WAYS } from './bundlers.mjs'
import { bundle, compile, createProject, runJest } from './consumers.mjs'
import { problemsOf } from './contents.mjs'
import { install, installers } from './installers.mjs'
import { otherRuntimes } from './other-runtimes.mjs'
import { packAll } from './pack.mjs'
import { serve } from './registry.mjs'

const flag = { type: 'boolean', default: false }
const { values } = parseArgs({ options: { quick: flag, keep: flag, binaries: { type: 'string' } } })

/** Two connections over each version of TLS. */
const RESUMED = [false, true, false, true]

/** The message of the import if the platform's package is missing. */
const NOT_INSTALLED =
  /could not be loaded: the package tls-resumption-\S+, .* was not found .*from source, run [^\n]+$/

const sum = { passed: 0, failed: 0 }
await setUp()
const packages = await packAll(values.binaries ? [values.binaries] : [join(root, 'dist', 'binding'), built])
const [main] = packages
process.stdout.write(
  `${main.name} ${main.manifest.version}: ${main.size} bytes packed, ${main.files.length} files\n`,
)
await check('what the packages hold', () => {
  const missing = values.binaries ? packages.filter(({ tarball }) => !tarball) : []
  return [...problemsOf(packages), ...missing.map(({ name }) => `${name} has no binary`)].join('; ')
})
await check('publint', () => lint('publint', ['run', main.tarball, '--strict', '--pack', 'false']))
await check('are the types wrong', () => lint('@arethetypeswrong/cli', [main.tarball, '--profile', 'node16']))

const registry = await serve(packages)
const project = await createProject(registry)
const bare = await createProject(registry, { omit: 'optional' })
try {
  await check('of the platforms, only the one that fits was downloaded', () => {
    const [own, ...others] = [...registry.taken].filter(name => name !== main.name)
    return own && others.length === 0 ? '' : `${[own, ...others]}`
  })
  const compiled = {}
  for (const kind of ['node16', 'nodenext', 'bundler']) {
    await check(`TypeScript, ${kind}: it compiles, and so do the declarations`, async () => {
      compiled[kind] = await compile(project, kind)
    })
  }
  for (const name of Object.keys(main.manifest.bin ?? {})) {
    await check(`npx ${name} --version`, async () => toldVersion(await project.npx([name, '--version'])))
  }
  const nodes = values.quick ? [process.execPath] : ['20', '22', '24', '26'].map(major => nodeProgram(major))
  for (const node of nodes) await useOn(node, compiled)
  if (!values.quick) {
    const runtimes = await otherRuntimes()
    for (const runtime of runtimes) await useOnOther(runtime)
    await installBundlers()
    await useBundled()
    const [bun] = runtimes.find(({ label }) => label === 'Bun')?.command ?? []
    await useInstalled(nodes, installers(bun))
  }
} finally {
  registry.close()
  if (!values.keep) for (const { remove } of [project, bare]) remove()
}
process.stdout.write(`\n${sum.passed} passed, ${sum.failed} failed\n`)
process.exitCode = sum.failed ? 1 : 0

/** Runs bundles, traced files and an executable in a folder that has nothing else. */
async function useBundled() {
  for (const setup of [[], ['tls-resumption/auto']]) {
    await check(`Jest, CommonJS, setup files: ${setup}`, () => runJest(project, setup))
  }
  for (const [what, make] of Object.entries(WAYS)) {
    for (const name of ['bundled.mjs', 'bundled-auto.mjs']) {
      await check(`${what}, ${name}, run elsewhere`, async () =>
        compare(await runElsewhere(project, make, name), RESUMED),
      )
    }
  }
}

/** Installs by other installers than npm, and uses the package on all release lines. */
async function useInstalled(nodes, all) {
  for (const [what, installer] of Object.entries(all)) {
    const installed = await install(installer, { registry, project }).catch(({ message }) => message)
    if (typeof installed === 'string') {
      await check(`${what}: it installs`, () => installed)
      continue
    }
    for (const node of nodes) {
      const version = (await run(node, ['--version'])).trim()
      for (const args of [['esm.mjs'], ['commonjs.cjs'], ['--import', 'tls-resumption/auto', 'flag.mjs']]) {
        await check(`${what}, ${version}: ${args.join(' ')}`, async () =>
          compare(await installed.run(node, args), RESUMED),
        )
      }
    }
    installed.remove()
  }
}

async function useOn(node, compiled) {
  const version = (await run(node, ['--version'])).trim()
  const resumes = (what, args, expected = RESUMED) =>
    check(`${version}: ${what}`, async () => compare(await project.run(node, await args()), expected))
  const cost = (await project.run(node, ['startup.mjs'])).trim()
  process.stdout.write(`- ${version}: loading it takes ${cost} ms of CPU, after Node.js' own modules\n`)
  await resumes("the README's first example", () => ['readme.mjs'], [false, true])
  await resumes('ES module', () => ['esm.mjs'])
  await resumes('CommonJS', () => ['commonjs.cjs'])
  await check(
    `${version}: every entry loads without its optional peers, and then says which to install`,
    () => project.run(node, ['entries.mjs']),
  )
  for (const [name, path] of Object.entries(main.manifest.bin ?? {})) {
    await check(`${version}: ${name} --version`, async () =>
      toldVersion(await project.run(node, [join('node_modules', main.name, path), '--version'])),
    )
  }
  await resumes('the flag', () => ['--import', 'tls-resumption/auto', 'flag.mjs'])
  for (const [kind, programs] of Object.entries(compiled)) {
    for (const program of programs) {
      await resumes(`TypeScript, ${kind}, ${extname(program)}`, () => [program])
    }
  }
  for (const format of ['esm', 'cjs']) {
    for (const external of [true, false]) {
      const how = external ? 'left out' : 'inlined'
      await resumes(`bundled by esbuild to ${format}, ${how}`, async () => [
        await bundle(project, { format, external }),
      ])
    }
  }
  await check(`${version}: without the platform's package the import says so in a sentence`, async () => {
    const { code, message } = JSON.parse(await bare.run(node, ['missing.mjs']))
    return code === 'ERR_TLS_RESUMPTION_ADDON' && NOT_INSTALLED.test(message) ? '' : `${code}: ${message}`
  })
  for (const [name, path] of Object.entries(main.manifest.bin ?? {})) {
    await check(`${version}: and so does ${name}`, async () => {
      const command = [join('node_modules', main.name, path), 'probe', 'localhost']
      const ended = await bare.run(node, command).catch(({ message }) => message)
      return NOT_INSTALLED.test(ended.trim()) ? '' : ended
    })
  }
}

/** Other runtimes are tried and reported. They fail nothing, because they are not supported. */
async function useOnOther({ label, command, missing }) {
  if (missing) return process.stdout.write(`- ${label}: not tried, ${missing}\n`)
  const [runtime, ...flags] = command
  const outcome = await project.run(runtime, [...flags, 'elsewhere.mjs']).then(
    output => output.trim(),
    ({ message }) => message.split('\n').slice(0, 6).join(' '),
  )
  process.stdout.write(`- ${label}: ${outcome}\n`)
}

function toldVersion(output) {
  return output.trim() === main.manifest.version ? '' : `it says ${output}`
}

function compare(output, expected) {
  return output.trim() === JSON.stringify(expected) ? '' : `resumed ${output.trim()}`
}

async function lint(name, args) {
  const manifest = join(root, 'node_modules', name, 'package.json')
  const { bin } = JSON.parse(readFileSync(manifest, 'utf8'))
  const program = join(manifest, '..', typeof bin === 'string' ? bin : Object.values(bin)[0])
  await run(process.execPath, [program, ...args], { env: { NO_COLOR: '1' } })
}

/** Runs a check. `attempt` returns the problem, or undefined. */
async function check(what, attempt) {
  const problem = await Promise.resolve()
    .then(attempt)
    .catch(({ message }) => message)
  sum[problem ? 'failed' : 'passed']++
  process.stdout.write(problem ? `✘ ${what}: ${problem}\n` : `✔ ${what}\n`)
}
