/**
 * The Nodes that can run a target's binary on this machine: its own Node, other architectures by qemu, Windows by
 * Wine, musl by Debian's musl. Each runner is `{ label, command, env, path }`; `path` translates a path for that
 * Node.
 */
import { existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { nodeProgram } from '../../lib/nodes.mjs'
import { ask, run } from '../../lib/run.mjs'
import { muslNode } from './musl.mjs'
import { tool, without, work } from './tools.mjs'

/** The supported release lines of Node, and the lines that are run under emulation, which is slow. */
const NATIVE = ['20', '22', '24', '26']
const IMITATED = ['22']

const same = path => path
const isMusl = process.platform === 'linux' && !process.report.getReport().header.glibcVersionRuntime

/**
 * Returns `{ runners, missing, packages }`. `missing` says why there are none; `packages` are Debian packages that
 * would help.
 */
export async function runnersFor(target) {
  const native = target.platform === process.platform && target.arch === process.arch
  if (target.abi === 'musl' && !(native && isMusl)) return onMusl(target)
  if (target.abi === 'musl') return { runners: [own(process.execPath)] }
  if (native) return { runners: NATIVE.map(major => own(nodeProgram(major))) }
  if (process.platform !== 'linux' || process.arch !== 'x64') return { missing: 'another system' }
  if (target.platform === 'linux') return emulated(target)
  if (target.platform === 'win32' && target.arch === 'x64') return await wine(target)
  return { missing: target.platform === 'darwin' ? 'needs macOS' : 'needs Windows on arm64' }
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
  // Wine reports an older Windows than Node requires.
  const env = { NODE_SKIP_PLATFORM_CHECK: '1', WINEDEBUG: '-all', WINEPREFIX: join(work, 'wine') }
  await run('wine', ['wineboot', '--init'], { env })
  await addRandomness(join(env.WINEPREFIX, 'drive_c', 'windows', 'system32'))
  const runners = IMITATED.map(major => {
    const program = nodeProgram(major, target)
    return {
      label: `Node ${ask('node', ['-p', `require(${JSON.stringify(join(program, '../../package.json'))}).version`])}, Wine`,
      // Under Wine, Node.js cannot open a pipe for its output.
      command: ['sh', '-c', 'wine "$0" "$@" >"$OUTPUT" 2>&1 || { cat "$OUTPUT"; exit 1; }', program],
      env: { ...env, OUTPUT: join(work, 'wine.log') },
      path: path => `Z:${path.replaceAll('/', '\\')}`,
    }
  })
  return { runners }
}

/** Debian 12's Wine lacks the library from which Rust takes random numbers on Windows. */
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

async function onMusl(target) {
  const { command, ...lacking } = await muslNode(target)
  if (!command) return lacking
  const imitated = target.arch === process.arch ? '' : ', qemu'
  return { runners: [{ label: `Node ${versionOf(command)}, musl${imitated}`, command, env: {}, path: same }] }
}

const versionOf = ([program, ...args]) => ask(program, [...args, '-p', 'process.versions.node'])
