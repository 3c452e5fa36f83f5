/**
 * Fails on an import between the folders of `src` that the table of ARCHITECTURE.md does not allow, on an import cycle,
 * on undocumented Node.js outside `src/node`, and on warnings, clocks and timers outside the files that own them.
 */
import { readdirSync, readFileSync } from 'node:fs'
import { join, posix, sep } from 'node:path'
import { root } from '../lib/setup.mjs'

/** Which folders a folder may import besides itself. Files in the root of `src` may import everything. */
const MAY_IMPORT = {
  util: [],
  native: ['util'],
  node: ['util'],
  diagnostics: ['util'],
  session: ['util', 'native', 'node'],
  cache: ['util', 'native'],
  key: ['util', 'native', 'node'],
  client: ['util', 'native', 'node', 'session', 'cache', 'key', 'diagnostics'],
  fleet: ['util', 'native', 'diagnostics'],
  server: ['util', 'native', 'node', 'session', 'cache', 'key', 'diagnostics', 'fleet/second-tier.ts'],
  auto: ['util', 'node', 'cache', 'key', 'diagnostics', 'client'],
  metrics: ['util', 'cache', 'diagnostics', 'server', 'fleet'],
  probe: ['util', 'native'],
  'cache-command': ['util', 'native', 'cache', 'client'],
}

/** What may be named in few places only. */
const ONLY_IN = [
  {
    what: /\b(?:_start|_writeGeneric|_final|_host|_handle|_sharedCreds|_contexts|_bytesDispatched|_agentKey|onticketkeycallback)\b/,
    where: ['node/'],
  },
  { what: /\bprocess\.emitWarning\b/, where: ['util/log.ts', 'auto.ts'] },
  { what: /\b(?:performance\.now|Date\.now|node:timers)\b/, where: ['util/time.ts'] },
  { what: /\bload-addon\.cjs|\bdlopen\b/, where: ['native/'] },
]

const IMPORT = /\b(?:from|import)\s*\(?'(\.[^']+)'/g
const COMMENT = /\/\*[\s\S]*?\*\/|(?<![:'"`])\/\/.*/g

const source = join(root, 'src')
const files = new Map(
  readdirSync(source, { recursive: true, encoding: 'utf8' })
    .filter(name => /\.c?ts$/.test(name))
    .map(name => {
      const file = name.split(sep).join('/')
      const code = readFileSync(join(source, name), 'utf8').replace(COMMENT, '')
      return [file, { code, imports: importsOf(file, code) }]
    }),
)
const violations = [...files].flatMap(([file, { code, imports }]) => [
  ...imports
    .filter(target => !mayImport(file, target))
    .map(target => `src/${file} may not import src/${target}`),
  ...ONLY_IN.filter(({ what, where }) => what.test(code) && !where.some(place => file.startsWith(place))).map(
    ({ what, where }) =>
      `src/${file} names ${what.exec(code)?.[0]}, which belongs in src/${where.join(' or src/')}`,
  ),
])
violations.push(...globalTimers(), ...cycles(), ...differences())
for (const violation of violations) process.stderr.write(`${violation}\n`)
process.exitCode = violations.length > 0 ? 1 : 0

function importsOf(file, code) {
  return [...code.matchAll(IMPORT)].map(([, specifier]) =>
    posix.normalize(posix.join(posix.dirname(file), specifier)).replace(/js$/, 'ts'),
  )
}

function mayImport(file, target) {
  if (!file.includes('/') || target.startsWith('..')) return true
  const [from] = file.split('/')
  const [to] = target.split('/')
  return to === from || (MAY_IMPORT[from] ?? []).some(rule => rule === to || rule === target)
}

/** Returns the files that use a timer of Node.js without importing it from `util/time.ts`. */
function globalTimers() {
  return [...files]
    .filter(
      ([file, { code, imports }]) =>
        file !== 'util/time.ts' &&
        /(?<![.\w])set(?:Timeout|Interval|Immediate)\(/.test(code) &&
        !imports.includes('util/time.ts'),
    )
    .map(([file]) => `src/${file} uses a global timer, which belongs in src/util/time.ts`)
}

/** Returns each import cycle once, as the chain of its files. */
function cycles() {
  const found = []
  const finished = new Set()
  const visit = (file, path) => {
    const start = path.indexOf(file)
    if (start >= 0) found.push(`import cycle: ${[...path.slice(start), file].join(' → ')}`)
    if (start >= 0 || finished.has(file)) return
    for (const target of files.get(file)?.imports ?? []) visit(target, [...path, file])
    finished.add(file)
  }
  for (const file of files.keys()) visit(file, [])
  return found
}

/** The table in ARCHITECTURE.md says what is checked here. */
function differences() {
  const text = readFileSync(join(root, 'ARCHITECTURE.md'), 'utf8')
  return Object.entries(MAY_IMPORT)
    .map(([folder, rules]) => `| \`${folder}\` | ${rules.map(rule => `\`${rule}\``).join(', ') || '—'} |`)
    .filter(row => !text.includes(row))
    .map(row => `ARCHITECTURE.md lacks the row ${row}`)
}
