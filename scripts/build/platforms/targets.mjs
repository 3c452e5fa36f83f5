/** The platforms that have a binary, from `napi.targets` in package.json, with the requirements of each. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseTriple } from '@napi-rs/cli'
import { root } from '../../lib/setup.mjs'

const { napi } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))

/** The glibc of CentOS 7: the oldest one that Rust's standard library supports, and older than Node 20 needs. */
const GLIBC_FLOOR = '2.17'

/** The minimum of Node 20. Later versions of Node need a later macOS. */
export const MACOS_FLOOR = '11.0'

/** The libraries that a binary may need: every system of that kind has them. */
const SYSTEM_LIBRARIES = {
  'linux-gnu': [/^lib(c|m|dl|pthread|rt)\.so\.\d+$/, /^ld-linux-(x86-64|aarch64)\.so\.\d+$/],
  // musl's loader knows libc by all of these names, and by the name with its architecture.
  'linux-musl': [/^libc(\.musl-(x86_64|aarch64))?\.so(\.1)?$/],
  darwin: [/^\/usr\/lib\/lib(System\.B|iconv\.2|charset\.1)\.dylib$/],
  // Only the substitute needs `node.exe`: it imports Node-API, which the others look up at run time.
  win32: [
    /^(kernel32|ntdll|bcryptprimitives|advapi32|ws2_32|userenv|msvcrt|api-ms-win-.*)\.dll$/i,
    /^node\.exe$/i,
  ],
}

/** The triple to build instead if Microsoft's libraries are not available: the same code with GNU's ABI. */
const STAND_INS = {
  'x86_64-pc-windows-msvc': 'x86_64-pc-windows-gnullvm',
  'aarch64-pc-windows-msvc': 'aarch64-pc-windows-gnullvm',
}

export const targets = napi.targets.map(triple => {
  const { platformArchABI: name, platform, arch, abi } = parseTriple(triple)
  return {
    /** The target as in the name of its package: `linux-x64-gnu`. */
    name,
    triple,
    platform,
    arch,
    abi,
    standIn: process.platform === 'win32' ? undefined : STAND_INS[triple],
    glibc: abi === 'gnu' && platform === 'linux' ? GLIBC_FLOOR : undefined,
    system: SYSTEM_LIBRARIES[platform === 'linux' ? `linux-${abi}` : platform],
    file: `${napi.binaryName}.${name}.node`,
  }
})

/** Returns the named targets, or all. Throws if there is no target with a name. */
export function chosen(names) {
  const unknown = names.filter(name => !targets.some(target => target.name === name))
  if (unknown.length) {
    throw new Error(`unknown platform ${unknown}. Expected ${targets.map(({ name }) => name).join(', ')}.`)
  }
  return names.length ? targets.filter(({ name }) => names.includes(name)) : targets
}
