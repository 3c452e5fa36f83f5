/**
 * Provides the tools of a cross-build beyond Rust: zig, which links for all targets, and a standard library for
 * each.
 */
import { existsSync, mkdirSync, readdirSync, rmSync, statSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { canInstall, installPackages } from '../../lib/debian.mjs'
import { ask, run } from '../../lib/run.mjs'
import { root } from '../../lib/setup.mjs'

export const work = join(root, 'target', 'platforms')
const venv = join(work, 'venv')
const REQUIREMENTS = join(root, 'scripts', 'build', 'platforms', 'requirements.txt')
const programs = process.platform === 'win32' ? join(venv, 'Scripts') : join(venv, 'bin')

/** Returns the path of a program in the tools' own Python environment. */
export const tool = name => join(programs, process.platform === 'win32' ? `${name}.exe` : name)

/** Installs zig, cargo-zigbuild and lief once. */
export async function installTools() {
  const stamp = join(venv, 'pyvenv.cfg')
  if (existsSync(stamp) && existsSync(tool('cargo-zigbuild'))) {
    if (statSync(stamp).mtimeMs > statSync(REQUIREMENTS).mtimeMs) return
  }
  rmSync(venv, { recursive: true, force: true })
  mkdirSync(work, { recursive: true })
  const create = () => run(process.platform === 'win32' ? 'python' : 'python3', ['-m', 'venv', venv])
  await create().catch(async error => {
    if (!canInstall()) throw error
    await installPackages(['python3', 'python3-venv'])
    await create()
  })
  await run(tool('pip'), ['install', '--quiet', '--requirement', REQUIREMENTS])
}

/**
 * Returns the Rust that can build for a target: `{ env, flags, std }`, or undefined.
 *
 * The Rust in PATH is used if it has the target's standard library (`rustup target add`). Otherwise it is the first
 * with the library's source: in PATH, Debian's `rustc-web` with `rust-web-src`, or a nightly of rustup.
 */
export function rustFor(triple) {
  const here = rust('rustc', 'cargo')
  if (here && existsSync(join(here.sysroot, 'lib', 'rustlib', triple, 'lib'))) {
    return { ...here, env: {}, flags: [], std: 'prebuilt' }
  }
  const nightly = ask('rustup', ['which', 'rustc', '--toolchain', 'nightly'])
  const candidates = [
    here,
    rust('/usr/bin/rustc', '/usr/bin/cargo'),
    nightly && rust(nightly, nightly.replace(/rustc$/, 'cargo')),
  ]
  const found = candidates.find(one => one && existsSync(join(one.source, 'library', 'std', 'Cargo.toml')))
  return (
    found && {
      ...found,
      // A release compiler can build its own standard library only with this variable.
      env: { RUSTC: found.rustc, RUSTC_BOOTSTRAP: '1' },
      flags: ['-Zbuild-std=std,panic_unwind'],
      std: 'built from source',
    }
  )
}

function rust(rustc, cargo) {
  const sysroot = ask(rustc, ['--print', 'sysroot'])
  if (!sysroot || !ask(cargo, ['--version'])) return
  const version = ask(rustc, ['--version'])
  return { rustc, cargo, sysroot, version, source: join(sysroot, 'lib', 'rustlib', 'src', 'rust') }
}

/**
 * Returns a folder with `rust-objcopy`, which rustc needs to strip binaries for macOS. Toolchains of rustup contain
 * it. Debian has it in `rust-web-llvm`, where its rustc does not look.
 */
export function objcopyFolder({ sysroot }) {
  const folder = join(work, 'objcopy')
  const own = join(sysroot, 'lib', 'rustlib')
  const found = existsSync(own)
    ? readdirSync(own)
        .map(triple => join(own, triple, 'bin', 'rust-objcopy'))
        .find(existsSync)
    : undefined
  mkdirSync(folder, { recursive: true })
  if (found && !existsSync(join(folder, 'rust-objcopy'))) symlinkSync(found, join(folder, 'rust-objcopy'))
  return folder
}

/** Returns the Debian packages that this machine lacks. */
export function without(...packages) {
  return { missing: `no ${packages.join(', ')}`, packages }
}
