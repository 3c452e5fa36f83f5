/** The three ways to run a program. */
import { spawnSync } from 'node:child_process'
import { fileURLToPath, pathToFileURL } from 'node:url'

export const root: string = fileURLToPath(new URL('../../', import.meta.url))

/**
 * `plain` is Node.js as it is. `tls` imports `node:tls` before the program, so it differs from `plain` where any preload
 * does. `auto` is what is compared with these two.
 */
export type Mode = 'plain' | 'tls' | 'auto'

export const MODES: readonly Mode[] = ['plain', 'tls', 'auto']

/** Returns the flags of Node.js for a mode. They hold in every working directory. */
export function flagsOf(mode: Mode): string[] {
  if (mode === 'plain') return []
  const preload = mode === 'auto' ? `${root}lib/auto.js` : `${root}e2e/compare/preload.mjs`
  return ['--import', pathToFileURL(preload).href]
}

/**
 * Makes sure that `auto` does something with a version of Node.js: where its addon does not load it only warns, and then
 * every comparison would succeed.
 * @throws with the warning.
 */
export function assertAutoLoads(program: string): void {
  const { status, stderr } = spawnSync(program, [...flagsOf('auto'), '--eval', ''], { encoding: 'utf8' })
  if (status !== 0 || stderr !== '') throw new Error(`${program} does not load auto:\n${stderr}`)
}
