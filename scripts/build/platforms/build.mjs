/** Builds the addon for one target, reproducibly, under target/platforms. */
import { cpSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { delimiter, dirname, join } from 'node:path'
import { run } from '../../lib/run.mjs'
import { root } from '../../lib/setup.mjs'
import { MACOS_FLOOR } from './targets.mjs'
import { objcopyFolder, rustFor, tool, work } from './tools.mjs'

const PACKAGE = 'tls-resumption-binding'
const LIBRARY = { linux: 'lib*.so', darwin: 'lib*.dylib', win32: '*.dll' }

/** Debian's Rust with its source, from which a standard library for any target can be built. */
const RUST_WITH_SOURCE = ['rustc-web', 'cargo-web', 'rust-web-src', 'rust-web-llvm']

/**
 * Returns why this machine cannot build the target, or undefined: `{ missing, packages }`, with the Debian packages
 * that would help.
 */
export function cannotBuild(target) {
  if (process.platform !== 'linux' && process.platform !== target.platform) {
    return { missing: `needs Linux, or ${target.platform} itself` }
  }
  if (!rustFor(triple(target))) {
    return {
      missing: `no standard library for ${triple(target)}, and no source to build it from`,
      packages: RUST_WITH_SOURCE,
    }
  }
}

/** Returns the triple that is built. For Windows, on Linux, this is a substitute with GNU's ABI. */
export const triple = target => target.standIn ?? target.triple

/** Returns the path of the binary and its tools: `{ path, rust, std }`. */
export function output(target, folder = work) {
  const { version, std } = rustFor(triple(target))
  return { path: join(folder, target.name, target.file), rust: version, std }
}

/** Builds the target and returns its {@link output}. Two builds with different cargo directories can be compared. */
export async function build(target, directory = join(work, 'cargo'), folder = work) {
  const rust = rustFor(triple(target))
  const env = {
    ...rust.env,
    CARGO_TARGET_DIR: directory,
    CARGO_ENCODED_RUSTFLAGS: rustFlags(target, rust, directory),
  }
  // On Linux, zig links for every target, because it provides the older glibc.
  const zig = process.platform === 'linux'
  const version = target.glibc ? `.${target.glibc}` : ''
  const paths = [zig && join(tool('x'), '..'), target.platform === 'darwin' && zig && objcopyFolder(rust)]
  env.PATH = [...paths.filter(Boolean), process.env.PATH].join(delimiter)
  if (target.platform === 'darwin') env.MACOSX_DEPLOYMENT_TARGET = MACOS_FLOOR
  if (target.standIn) env.LIBNODE_PATH = await importLibrary(target, rust)

  await run(
    rust.cargo,
    [
      zig ? 'zigbuild' : 'build',
      ...['--release', '--locked', '--package', PACKAGE, ...rust.flags],
      ...['--target', `${triple(target)}${zig ? version : ''}`],
    ],
    { env },
  )
  const name = LIBRARY[target.platform].replace('*', PACKAGE.replaceAll('-', '_'))
  const made = output(target, folder)
  mkdirSync(dirname(made.path), { recursive: true })
  cpSync(join(directory, triple(target), 'release', name), made.path)
  return made
}

function rustFlags(target, { sysroot, source }, directory) {
  const cargoHome = process.env.CARGO_HOME ?? join(homedir(), '.cargo')
  const flags = [
    // Panics contain source paths. Without the paths of this machine, other machines can make the same bytes.
    ...Object.entries({
      [cargoHome]: '/cargo',
      [sysroot]: '/rust',
      ...(existsSync(source) && { [source]: '/rust/source' }),
      [root]: '/tls-resumption',
      [directory]: '/target',
    }).map(([from, to]) => `--remap-path-prefix=${from}=${to}`),
  ]
  // A cdylib needs a libc that is shared with the process.
  if (target.abi === 'musl') flags.push('-Ctarget-feature=-crt-static')
  // Windows has no vcruntime140.dll, and node.exe does not come with one.
  if (target.abi === 'msvc' && !target.standIn) {
    flags.push('-Ctarget-feature=+crt-static', '-Clink-arg=/Brepro')
  }
  if (target.platform === 'darwin') flags.push(`-Clink-arg=-Wl,-install_name,@rpath/${target.file}`)
  return flags.join('\x1f')
}

/**
 * Makes an import library for Node-API from the names that napi-sys declares, for builds with GNU's ABI. It has the
 * two names that napi-build and the linker look for. Debian's standard library also asks for GCC's libssp, but uses
 * nothing of it.
 */
async function importLibrary(target, rust) {
  const folder = join(work, 'libnode', target.arch)
  mkdirSync(folder, { recursive: true })
  const manifest = JSON.parse(await run(rust.cargo, ['metadata', '--format-version=1', '--locked']))
  const sys = manifest.packages.find(({ name }) => name === 'napi-sys').manifest_path
  const declarations = readFileSync(join(sys, '..', 'src', 'functions.rs'), 'utf8')
  const names = new Set(declarations.match(/(?<=fn )(?:napi|node_api)_[a-z0-9_]+/g))
  const definition = join(folder, 'node.def')
  writeFileSync(definition, ['LIBRARY node.exe', 'EXPORTS', ...names, ''].join('\n'))
  const machine = { x64: 'i386:x86-64', arm64: 'arm64' }[target.arch]
  const library = join(folder, 'node.lib')
  await run(tool('python-zig'), ['dlltool', '-m', machine, '-d', definition, '-D', 'node.exe', '-l', library])
  cpSync(library, join(folder, 'libnode.dll'))
  for (const name of ['libssp.a', 'libssp_nonshared.a']) writeFileSync(join(folder, name), '!<arch>\n')
  return folder
}
