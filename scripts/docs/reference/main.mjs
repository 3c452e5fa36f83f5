/**
 * `npm run docs`: writes docs/reference from the comments of src; `-- --check` says whether it is what they give. The
 * extractor is a package of its own, in this folder: it needs a TypeScript with a JavaScript API, which the one that
 * builds the package has not.
 */
import { spawnSync } from 'node:child_process'
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { installReference, root, setUp } from '../../lib/setup.mjs'

const REFERENCE = join(root, 'docs', 'reference')
const { values } = parseArgs({ options: { check: { type: 'boolean', default: false } } })

await setUp()
await installReference()
const made = mkdtempSync(join(tmpdir(), 'tls-resumption-reference-'))
try {
  extract(made)
  if (values.check) check(made)
  else {
    rmSync(REFERENCE, { recursive: true, force: true })
    cpSync(made, REFERENCE, { recursive: true })
  }
} finally {
  rmSync(made, { recursive: true, force: true })
}

function extract(out) {
  const { status } = spawnSync(
    process.execPath,
    [
      join('node_modules', 'typedoc', 'bin', 'typedoc'),
      '--options',
      'typedoc.json',
      '--logLevel',
      'Warn',
      '--out',
      out,
    ],
    { cwd: import.meta.dirname, stdio: 'inherit' },
  )
  if (status !== 0) throw new Error('typedoc failed')
}

function check(out) {
  const [wanted, there] = [out, REFERENCE].map(contents)
  const names = new Set([...wanted.keys(), ...there.keys()])
  const stale = [...names].filter(name => wanted.get(name) !== there.get(name))
  process.stdout.write(`${names.size - stale.length} passed, ${stale.length} failed\n`)
  if (stale.length > 0) {
    process.stderr.write(
      `docs/reference is not what the comments of src give: ${stale.join(', ')}. npm run docs\n`,
    )
    process.exitCode = 1
  }
}

function contents(directory) {
  const files = readdirSync(directory, { recursive: true, withFileTypes: true }).filter(entry =>
    entry.isFile(),
  )
  return new Map(
    files.map(({ parentPath, name }) => {
      const path = join(parentPath, name)
      return [path.slice(directory.length + 1), readFileSync(path, 'utf8')]
    }),
  )
}
