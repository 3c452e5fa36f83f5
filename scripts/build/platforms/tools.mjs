/** What cross-building needs beyond Rust: zig, which links for all of them, and a standard library for each. */
import { existsSync, mkdirSync, readdirSync, rmSync, statSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { canInstall, installPackages } from '../../lib/debian.mjs'
import { ask, run } from '../../lib/run.mjs'
import { root } from '../../lib/setup.mjs'

export const work = join(root, 'target', 'platforms')
const venv = join(work, 'venv')
const REQUIREMENTS = join(root, 'scripts', 'build', 'platforms', 'requirements.txt')
const programs = process.platform === 'win32' ? join(venv, 'Scripts') : join(venv, 'bin')

/** A program of the tools' own Python environment. */
export const tool = name => join(programs, process.platform === 'win32' ? `${name}.exe` : name)

/** Installs zig, cargo-zigbuild and the reader of binaries, once. */
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
 * The Rust that can build for a target: `{ env, flags, std }`. The one in PATH if it has the target's standard
 * library (`rustup target add`), else the first that has the library's source and can so build it too: that in
 * PATH, Debian's `rustc-web` with `rust-web-src`, a nightly of rustup. Undefined if there is none.
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
      // A release compiler has the means to build its own library, but keeps them to those who ask like this.
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
 * A folder with the `rust-objcopy` by which rustc strips binaries for macOS. Toolchains of rustup bring their own;
 * Debian's is in `rust-web-llvm`, where its rustc does not look.
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

/** What a machine lacks, in packages of Debian. */
export function without(...packages) {
  return { missing: `no ${packages.join(', ')}`, packages }
}
