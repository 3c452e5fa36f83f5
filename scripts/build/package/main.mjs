/**
 * `npm run build:package`: makes `lib`, which is published, from the modules that the compiler has written to `dist`.
 *
 * A program that starts loads few files: a chunk with what `tls-resumption/auto` needs, one with what other entries
 * share, and a small file for each entry. All of it is CommonJS, which programs can import as well. So state exists once
 * in a thread, however the package is loaded.
 */
import { appendFileSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { transform } from 'esbuild'
import { rollup } from 'rollup'
import { root } from '../../lib/setup.mjs'
import { declare } from './declarations.mjs'

const modules = join(root, 'dist')
const output = join(root, 'lib')

/** Files that programs import or require. */
const ENTRIES = ['index', 'undici', 'redis', 'metrics', 'compat']
/** Files that are run, and files that these load later. */
const PROGRAMS = ['auto', 'cli', 'probe/main']
/** What `auto` loads unless it is disabled, and what the first connection loads. */
const [INSTALL, CLIENT] = ['auto/environment', 'auto/connection']

/** CommonJS files of `src` stay as they are: bundlers look for what is in them. */
const isCommonJs = id => id.endsWith('.cjs')
const moduleOf = name => join(modules, `${name}.js`)

rmSync(output, { recursive: true, force: true })
mkdirSync(output)
writeFileSync(join(output, 'package.json'), '{ "type": "commonjs" }\n')
for (const name of readdirSync(modules, { recursive: true })) {
  if (!isCommonJs(name) || name.startsWith('binding')) continue
  const target = join(output, name)
  mkdirSync(dirname(target), { recursive: true })
  // Source maps are not published.
  writeFileSync(
    target,
    readFileSync(join(modules, name), 'utf8').replace(/^\/\/# sourceMappingURL=.*\n?/m, ''),
  )
}

const bundle = await rollup({
  input: Object.fromEntries([...ENTRIES, ...PROGRAMS, INSTALL, CLIENT].map(name => [name, moduleOf(name)])),
  external: id => id.startsWith('node:') || isCommonJs(id),
  onwarn: ({ message }) => {
    throw new Error(message)
  },
})
const { output: chunks } = await bundle.write({
  dir: output,
  format: 'cjs',
  exports: 'named',
  interop: 'default',
  esModule: false,
  hoistTransitiveImports: false,
  entryFileNames: '[name].js',
  chunkFileNames: '[name].js',
  // Only chunks at the root import them.
  paths: id => (isCommonJs(id) ? `./${relative(modules, id).replaceAll('\\', '/')}` : id),
  manualChunks: chunkOf,
  plugins: [{ name: 'without comments', renderChunk: code => transform(code, { legalComments: 'none' }) }],
})
await bundle.close()
writeFileSync(join(output, 'auto.d.ts'), 'export {}\n')
for (const { name, exports } of chunks.filter(chunk => ENTRIES.includes(chunk.name))) {
  declare({ name, exports, modules, output })
}
// `require()` returns the function itself, as the package does that it replaces.
appendFileSync(
  join(output, 'compat.js'),
  'module.exports = Object.assign(exports.default, { default: exports.default })\n',
)

/**
 * Names the chunk of a module. Undefined where Rollup is to decide. `start` is what `auto` needs to find out whether it
 * has to load anything else.
 */
function chunkOf(id, { getModuleInfo }) {
  const importers = importersOf(id, getModuleInfo)
  importers.delete(id)
  if (importers.has(moduleOf('auto'))) return 'start'
  if (importers.has(moduleOf(INSTALL))) return 'install'
  if (importers.has(moduleOf(CLIENT))) return 'client'
  return [...importers].filter(importer => getModuleInfo(importer).isEntry).length > 1 ? 'shared' : undefined
}

/** Returns a module and the modules that import it, directly or not. */
function importersOf(id, getModuleInfo, found = new Set()) {
  if (found.has(id)) return found
  found.add(id)
  for (const importer of getModuleInfo(id).importers) importersOf(importer, getModuleInfo, found)
  return found
}
