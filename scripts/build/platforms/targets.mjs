/** The platforms that have a binary, out of `napi.targets` in package.json, with what has to hold on each. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseTriple } from '@napi-rs/cli'
import { root } from '../../lib/setup.mjs'

const { napi } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))

/** The glibc of CentOS 7, the oldest that Rust's own standard library supports, and older than Node 20 needs. */
const GLIBC_FLOOR = '2.17'

/** What Node 20 needs at least; later Nodes need a later macOS anyway. */
export const MACOS_FLOOR = '11.0'

/** What a binary may be linked to: what every system of that kind has. */
const SYSTEM_LIBRARIES = {
  'linux-gnu': [/^lib(c|m|dl|pthread|rt)\.so\.\d+$/, /^ld-linux-(x86-64|aarch64)\.so\.\d+$/],
  // Its loader knows all of these names, and libc by this one and by that of its architecture.
  'linux-musl': [/^libc(\.musl-(x86_64|aarch64))?\.so(\.1)?$/],
  darwin: [/^\/usr\/lib\/lib(System\.B|iconv\.2|charset\.1)\.dylib$/],
  // `node.exe` only for the stand-in: Node-API is not looked up at run time there but imported.
  win32: [
    /^(kernel32|ntdll|bcryptprimitives|advapi32|ws2_32|userenv|msvcrt|api-ms-win-.*)\.dll$/i,
    /^node\.exe$/i,
  ],
}

/** What to build in place of a Windows target where Microsoft's libraries are not to be had: the same code, GNU's ABI. */
const STAND_INS = {
  'x86_64-pc-windows-msvc': 'x86_64-pc-windows-gnullvm',
  'aarch64-pc-windows-msvc': 'aarch64-pc-windows-gnullvm',
}

export const targets = napi.targets.map(triple => {
  const { platformArchABI: name, platform, arch, abi } = parseTriple(triple)
  return {
    /** As in the name of its package: `linux-x64-gnu`. */
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

/** Those that are named, or all. Throws for a name that none has. */
export function chosen(names) {
  const unknown = names.filter(name => !targets.some(target => target.name === name))
  if (unknown.length) {
    throw new Error(`no such platform: ${unknown}; there are ${targets.map(({ name }) => name).join(', ')}`)
  }
  return names.length ? targets.filter(({ name }) => names.includes(name)) : targets
}
