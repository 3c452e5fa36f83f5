/** Which tools beyond the stable toolchain there are, for checks that need more. */
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { root } from './setup.mjs'

/** Where tools are installed that only this repository's scripts use. */
const TOOLS = join(root, 'target', 'tools')

/** For programs that are to find them. */
export const withTools = { ...process.env, PATH: [join(TOOLS, 'bin'), process.env.PATH].join(delimiter) }

/** Why this machine cannot do it, or undefined: `fuzzing`, `interpreting` (Miri) or `sanitizing`. */
export function missingFor(what) {
  if (process.platform === 'win32') return 'it does not run on Windows'
  if (sysroot() === undefined) return 'no nightly toolchain (rustup toolchain install nightly)'
  if (what === 'fuzzing' && !hasFuzzer() && !installsFuzzer()) return 'cargo-fuzz could not be installed'
  if (
    what === 'interpreting' &&
    (ask('cargo', '+nightly', 'miri', '--version') === undefined || !hasLibrarySource())
  ) {
    return 'no Miri (rustup component add miri rust-src --toolchain nightly)'
  }
}

/** Whether the standard library can be built anew, with a sanitizer. */
export function hasLibrarySource() {
  return existsSync(join(sysroot() ?? '', 'lib/rustlib/src/rust/library/Cargo.lock'))
}

/** The triple of this machine, which a sanitizer wants named. */
export function host() {
  return ask('rustc', '+nightly', '--print', 'host-tuple')
}

function sysroot() {
  return ask('rustc', '+nightly', '--print', 'sysroot')
}

function hasFuzzer() {
  return ask('cargo', '+nightly', 'fuzz', '--version') !== undefined
}

function installsFuzzer() {
  const command = ['install', 'cargo-fuzz', '--locked', '--root', TOOLS]
  return spawnSync('cargo', command, { stdio: 'inherit' }).status === 0
}

function ask(program, ...args) {
  const { status, stdout } = spawnSync(program, args, { encoding: 'utf8', env: withTools })
  return status === 0 ? stdout.trim() : undefined
}
