/** Provides other versions of Node.js, from npm. */
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { root } from './setup.mjs'

/**
 * Returns the path of the newest release of a major version, for this machine or for another platform. Installs it
 * once, under target.
 */
export function nodeProgram(major, { platform: system, arch } = process) {
  const foreign = system !== process.platform || arch !== process.arch
  if (!foreign && process.versions.node.startsWith(`${major}.`)) return process.execPath
  const platform = system === 'win32' ? 'win' : system
  const name = `node-${platform}-${arch}`
  const prefix = join(root, 'target', 'nodes', foreign ? `${name}-${major}` : String(major))
  const program = join(prefix, 'node_modules', name, 'bin', platform === 'win' ? 'node.exe' : 'node')
  if (existsSync(program)) return program
  mkdirSync(prefix, { recursive: true })
  const npm = spawnSync(
    'npm',
    [
      ...['install', '--no-save', '--no-audit', '--no-fund', '--prefix', prefix, `${name}@${major}`],
      ...(foreign ? ['--force'] : []),
    ],
    { encoding: 'utf8', shell: process.platform === 'win32' },
  )
  if (!existsSync(program)) throw new Error(`Node.js ${major} could not be installed:\n${npm.stderr}`)
  return program
}
