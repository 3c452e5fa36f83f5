/**
 * Runs by `npm version`, after it has changed package.json and before it commits and tags. Gives the platforms'
 * packages and the crates the same version, and closes the changelog.
 */
import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { closeChangelog, setCrates } from './versions.mjs'

const root = process.cwd()
const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
const napi = fileURLToPath(new URL('../../node_modules/@napi-rs/cli/dist/cli.js', import.meta.url))

run(process.execPath, napi, 'version')
setCrates(root, version)
closeChangelog(root, version, new Date().toISOString().slice(0, 'yyyy-mm-dd'.length))
run('git', 'add', 'npm', 'Cargo.toml', 'Cargo.lock', 'CHANGELOG.md')

function run(program, ...args) {
  const { status } = spawnSync(program, args, { cwd: root, stdio: ['ignore', 'inherit', 'inherit'] })
  if (status !== 0) throw new Error(`${program} ${args.join(' ')} ended with ${status}`)
}
