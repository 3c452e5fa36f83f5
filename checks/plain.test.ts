/** The check that the arm of Node alone in a benchmark has loaded nothing else. */
import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import test from 'ava'
import { checkPlain } from '../benchmark/lib/plain.ts'

const root = join(import.meta.dirname, '..')

/** Returns what a program has loaded that fetches nothing and runs `code`. */
function loadedBy(code: string, flags: string[] = []): string[] {
  const program = `${code}
const { loadedFiles } = await import('./benchmark/lib/loaded.mjs')
console.log(JSON.stringify(loadedFiles()))`
  const { NODE_OPTIONS: _, ...env } = process.env
  const args = [...flags, '--input-type=module', '--eval', program]
  const files: string[] = JSON.parse(
    execFileSync(process.execPath, args, { cwd: root, env, encoding: 'utf8' }),
  )
  return files.filter(file => !file.includes('[eval'))
}

test('plain: a program that uses only Node.js passes', t => {
  t.notThrows(() => checkPlain('alone', loadedBy(`import 'node:https'`)))
})

test('plain: this package, its addon and undici are found, however they are loaded', t => {
  for (const [files, named] of [
    [loadedBy('', ['--import', 'tls-resumption/auto']), /lib\/auto\.js/],
    [
      loadedBy(`import { SessionCache } from 'tls-resumption'; new SessionCache()`),
      /tls-resumption[^/]*\.node/,
    ],
    [loadedBy(`import 'undici'`), /node_modules\/undici\//],
    [
      loadedBy(`import { createRequire } from 'node:module'; createRequire(process.cwd() + '/x')('undici')`),
      /undici/,
    ],
  ] as const) {
    t.throws(() => checkPlain('alone', files), { message: named })
  }
})

test('plain: a package is allowed by its name only', t => {
  const files = loadedBy(`import 'lru-cache'`)
  t.notThrows(() => checkPlain('alone', files, ['lru-cache']))
  t.throws(() => checkPlain('alone', files, ['lru']))
})

test('plain: a process that says nothing does not pass', t => {
  t.throws(() => checkPlain('alone', []))
})
