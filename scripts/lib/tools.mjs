/** Finds the tools beyond the stable toolchain that some checks need. */
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { root } from './setup.mjs'

/** Tools that only this repository's scripts use are installed here. */
const TOOLS = join(root, 'target', 'tools')

/** The environment of programs that have to find these tools. */
export const withTools = { ...process.env, PATH: [join(TOOLS, 'bin'), process.env.PATH].join(delimiter) }

/** Returns why this machine cannot do it, or undefined: `fuzzing`, `interpreting` (Miri) or `sanitizing`. */
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

/** Returns true if the standard library can be built from source, with a sanitizer. */
export function hasLibrarySource() {
  return existsSync(join(sysroot() ?? '', 'lib/rustlib/src/rust/library/Cargo.lock'))
}

/** Returns the triple of this machine, which a sanitizer needs. */
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
