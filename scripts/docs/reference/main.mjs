/**
 * `npm run docs`: writes `docs/reference/api` from the comments of `src`. Git ignores that folder. Fails where typedoc
 * warns. The extractor is a package of its own, in this folder, because it needs a TypeScript with a JavaScript API.
 */
import { spawnSync } from 'node:child_process'
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { installReference, root, setUp } from '../../lib/setup.mjs'

const REFERENCE = join(root, 'docs', 'reference', 'api')

await setUp()
await installReference()
rmSync(REFERENCE, { recursive: true, force: true })
const typedoc = join('node_modules', 'typedoc', 'bin', 'typedoc')
const { status } = spawnSync(
  process.execPath,
  [typedoc, '--options', 'typedoc.json', '--logLevel', 'Warn', '--out', REFERENCE],
  { cwd: import.meta.dirname, stdio: 'inherit' },
)
if (status !== 0) throw new Error('typedoc failed')
