/** Makes a program that runs elsewhere from a project that has the package: by bundlers, by a tracer, as an executable. */
import {
  chmodSync,
  copyFileSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { run } from '../../lib/run.mjs'
import { root } from '../../lib/setup.mjs'

const tools = createRequire(join(root, 'e2e', 'bundlers', 'package.json'))

/** An ES module has no `require`. The CommonJS that esbuild includes in one needs it. */
const REQUIRE = "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);"
const TIMEOUT = 120_000

async function esbuild({ entry, out, ...options }) {
  await tools('esbuild').build({
    entryPoints: [entry],
    bundle: true,
    platform: 'node',
    logLevel: 'error',
    loader: { '.node': 'copy' },
    ...options,
  })
  return out
}

async function webpack({ entry, out }) {
  const compiler = tools('webpack')({
    mode: 'production',
    target: 'node20',
    entry,
    output: { path: out, filename: 'main.cjs' },
    module: { rules: [{ test: /\.node$/, loader: tools.resolve('node-loader') }] },
  })
  const stats = await new Promise((resolve, reject) =>
    compiler.run((error, result) => (error ? reject(error) : resolve(result))),
  )
  if (stats.hasErrors()) throw new Error(stats.toString({ all: false, errors: true }))
  return 'main.cjs'
}

/** Joins the modules, and leaves the binary where it is. */
async function rollup({ entry, out }) {
  const { rollup: start } = await import(tools.resolve('rollup'))
  const [commonjs, resolve] = ['commonjs', 'node-resolve'].map(name => {
    const plugin = tools(`@rollup/plugin-${name}`)
    return plugin.default ?? plugin
  })
  const bundle = await start({
    input: entry,
    external: id => id.endsWith('.node'),
    plugins: [resolve({ preferBuiltins: true }), commonjs()],
    onwarn() {},
  })
  await bundle.write({ file: out, format: 'cjs', inlineDynamicImports: true })
  await bundle.close()
}

/** Copies the files that a program needs, as serverless platforms and Next.js do. */
async function trace({ directory, entry, out }) {
  const { nodeFileTrace } = await import(tools.resolve('@vercel/nft'))
  const { fileList } = await nodeFileTrace([entry], { base: directory, processCwd: directory })
  for (const name of fileList) {
    mkdirSync(dirname(join(out, name)), { recursive: true })
    cpSync(join(directory, name), join(out, name), { recursive: true })
  }
}

/** Each makes a folder that runs elsewhere. Returns the command's arguments there, or the name of an executable. */
export const WAYS = {
  'esbuild to ESM': async ({ entry, out }) => {
    await esbuild({ entry, outfile: join(out, 'main.mjs'), format: 'esm', banner: { js: REQUIRE } })
    return ['main.mjs']
  },
  'esbuild to CommonJS': async ({ entry, out }) => {
    await esbuild({ entry, outfile: join(out, 'main.cjs'), format: 'cjs' })
    return ['main.cjs']
  },
  'webpack with node-loader': async project => [await webpack(project)],
  '@vercel/ncc': async ({ entry, out }) => {
    const { code, assets } = await tools('@vercel/ncc')(entry, { quiet: true, cache: false })
    for (const [name, { source }] of Object.entries(assets)) {
      mkdirSync(dirname(join(out, name)), { recursive: true })
      writeFileSync(join(out, name), source)
    }
    writeFileSync(join(out, 'main.mjs'), code)
    return ['main.mjs']
  },
  '@vercel/nft': async ({ name, ...project }) => {
    await trace(project)
    return [name]
  },
  'Rollup, then @vercel/nft': async ({ directory, name, ...project }) => {
    const rolled = `rolled-${name.replace('.mjs', '.cjs')}`
    await rollup({ ...project, out: join(directory, rolled) })
    await trace({ directory, entry: join(directory, rolled), out: project.out })
    return [rolled]
  },
  'Vite, for servers': async ({ directory, entry, out }) => {
    const { build } = await import(tools.resolve('vite'))
    await build({
      root: directory,
      logLevel: 'error',
      configFile: false,
      // The default: packages stay external.
      build: { ssr: entry, outDir: out, rollupOptions: { output: { entryFileNames: 'main.mjs' } } },
    })
    cpSync(join(directory, 'node_modules'), join(out, 'node_modules'), { recursive: true })
    return ['main.mjs']
  },
  'a single executable': async ({ directory, entry, out }) => {
    const bundled = join(directory, 'sea.cjs')
    const blob = join(directory, 'sea.blob')
    await esbuild({ entry, outfile: bundled, format: 'cjs', external: ['tls-resumption-*'] })
    writeFileSync(
      join(directory, 'sea.json'),
      JSON.stringify({ main: bundled, output: blob, disableExperimentalSEAWarning: true }),
    )
    await run(process.execPath, ['--experimental-sea-config', join(directory, 'sea.json')], {
      timeout: TIMEOUT,
    })
    const program = join(out, 'program')
    copyFileSync(process.execPath, program)
    chmodSync(program, 0o755)
    const postject = join(root, 'e2e', 'bundlers', 'node_modules', 'postject', 'dist', 'cli.js')
    const fuse = ['--sentinel-fuse', 'NODE_SEA_FUSE_fce680ab2cc467b6e072b8b5df1996b2']
    await run(process.execPath, [postject, program, 'NODE_SEA_BLOB', blob, ...fuse], { timeout: TIMEOUT })
    const packages = join(directory, 'node_modules')
    for (const platform of readdirSync(packages).filter(name => name.startsWith('tls-resumption-'))) {
      for (const file of readdirSync(join(packages, platform)).filter(name => name.endsWith('.node'))) {
        copyFileSync(join(packages, platform, file), join(out, file))
      }
    }
    return { program }
  },
}

/** Makes a program by one of these ways, and runs it in a folder that has nothing else. Returns its output. */
export async function runElsewhere(project, make, name) {
  const elsewhere = mkdtempSync(join(tmpdir(), 'tls-resumption-elsewhere-'))
  try {
    const { directory } = project
    const out = join(directory, 'out')
    rmSync(out, { recursive: true, force: true })
    mkdirSync(out)
    const made = await make({ directory, name, entry: join(directory, name), out })
    // Nothing of the project is beside it any more.
    const folder = join(elsewhere, 'program')
    renameSync(out, folder)
    return made.program
      ? await project.runIn(folder, join(folder, 'program'), [])
      : await project.runIn(folder, process.execPath, made)
  } finally {
    rmSync(elsewhere, { recursive: true, force: true, maxRetries: 3 })
  }
}
