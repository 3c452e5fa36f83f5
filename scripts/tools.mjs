/** Which tools beyond the stable toolchain there are, for checks that need more. */
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'

/** Why this machine cannot do it, or undefined: `fuzzing`, `sanitizing` (memory) or `sanitizing threads`. */
export function missingFor(what) {
  if (process.platform === 'win32') return 'it does not run on Windows'
  const nightly = ask('rustc', '+nightly', '--print', 'sysroot')
  if (nightly === undefined) return 'no nightly toolchain (rustup toolchain install nightly)'
  if (what === 'fuzzing' && ask('cargo', '+nightly', 'fuzz', '--version') === undefined) {
    return 'no cargo-fuzz (cargo install cargo-fuzz)'
  }
  // The standard library has to be built with the sanitizer, or the ends of its threads look like races.
  if (what === 'sanitizing threads' && !existsSync(join(nightly, 'lib/rustlib/src/rust/library'))) {
    return 'no source of the standard library (rustup component add rust-src --toolchain nightly)'
  }
}

/** The triple of this machine, which a sanitizer wants named. */
export function host() {
  return ask('rustc', '+nightly', '--print', 'host-tuple')
}

function ask(program, ...args) {
  const { status, stdout } = spawnSync(program, args, { encoding: 'utf8' })
  return status === 0 ? stdout.trim() : undefined
}
