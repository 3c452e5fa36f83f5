/** Finds Deno, Bun and Electron on npm. They implement Node-API, but are not supported. */
import { existsSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { root } from '../../lib/setup.mjs'
import { npm } from './pack.mjs'

const KINDS = [
  {
    label: 'Deno',
    name: `@deno/${process.platform}-${process.arch}-glibc`,
    program: 'deno',
    flags: ['run', '--allow-all'],
  },
  { label: 'Bun', name: `@oven/bun-${process.platform}-${process.arch}`, program: 'bin/bun', flags: ['run'] },
]

/** Returns runtimes as `{ label, command }`, or with the reason in `missing`. */
export async function otherRuntimes() {
  const runtimes = []
  for (const { label, name, program, flags } of KINDS) {
    const prefix = join(root, 'target', 'runtimes', label.toLowerCase())
    const path = join(prefix, 'node_modules', name, program)
    if (!existsSync(path)) {
      mkdirSync(prefix, { recursive: true })
      await npm(['install', '--no-save', '--no-audit', '--no-fund', '--prefix', prefix, name]).catch(() => {})
    }
    runtimes.push(
      existsSync(path) ? { label, command: [path, ...flags] } : { label, missing: `npm has no ${name} here` },
    )
  }
  return [...runtimes, { label: 'Electron', missing: 'npm has only a script that downloads it' }]
}
