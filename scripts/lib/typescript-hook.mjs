/** Turns TypeScript into JavaScript as Node.js loads it. Keeps the results under target, named by a hash of the source. */
import { createHash } from 'node:crypto'
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { fileURLToPath } from 'node:url'
import { threadId } from 'node:worker_threads'

const CACHE = new URL('../../target/typescript/', import.meta.url)

/** Names stay as they are: session keys contain the source text of functions. */
const OPTIONS = {
  loader: 'ts',
  format: 'esm',
  target: 'es2022',
  sourcemap: 'inline',
  tsconfigRaw: { compilerOptions: { verbatimModuleSyntax: true } },
}

/** A `load` hook of `node:module`, for hooks in the thread itself and for hooks in a thread of their own. */
export function load(url, context, nextLoad) {
  if (!/^file:.*\.m?ts$/.test(url)) return nextLoad(url, context)
  const path = fileURLToPath(url)
  return { format: 'module', source: compile(path, readFileSync(path, 'utf8')), shortCircuit: true }
}

function compile(path, source) {
  const options = { ...OPTIONS, sourcefile: path }
  const hash = createHash('sha256').update(JSON.stringify(options)).update(source).digest('hex')
  const cached = new URL(`${hash}.js`, CACHE)
  try {
    return readFileSync(cached, 'utf8')
  } catch {
    const { code } = transform(source, options)
    mkdirSync(CACHE, { recursive: true })
    // Other processes may read and write the same file.
    const partial = new URL(`${hash}.${process.pid}-${threadId}`, CACHE)
    writeFileSync(partial, code)
    renameSync(partial, cached)
    return code
  }
}

/** Runs esbuild to the end. Its service would stay, as a thread and a process that tests do not expect. */
function transform(source, options) {
  const { ESBUILD_WORKER_THREADS: before } = process.env
  process.env.ESBUILD_WORKER_THREADS = '0'
  const esbuild = createRequire(import.meta.url)('esbuild')
  if (before === undefined) delete process.env.ESBUILD_WORKER_THREADS
  else process.env.ESBUILD_WORKER_THREADS = before
  return esbuild.transformSync(source, options)
}
