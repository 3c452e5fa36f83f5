import { existsSync } from 'node:fs'

/** The platforms with a prebuilt binary: the ends of package names such as `tls-resumption-linux-x64-gnu`. */
export const PLATFORMS: readonly string[] = [
  'linux-x64-gnu',
  'linux-arm64-gnu',
  'linux-x64-musl',
  'linux-arm64-musl',
  'darwin-x64',
  'darwin-arm64',
  'win32-x64-msvc',
  'win32-arm64-msvc',
]

const FROM_SOURCE =
  'to build it from source, run `npm install && npm run build:addon` in a checkout of the repository (Rust is needed) ' +
  'and set TLS_RESUMPTION_ADDON to the .node file in its dist/binding'

/** Codes of errors that say that there is no such file or package, also in a single executable. */
const NOT_FOUND: readonly unknown[] = ['MODULE_NOT_FOUND', 'ERR_UNKNOWN_BUILTIN_MODULE']

/** Returns the platform of this process, named as in {@link PLATFORMS}. */
export function platformName(): string {
  const { platform, arch } = process
  if (platform === 'linux') return `${platform}-${arch}-${isGlibc() ? 'gnu' : 'musl'}`
  return platform === 'win32' ? `${platform}-${arch}-msvc` : `${platform}-${arch}`
}

/** Explains why the addon could not be loaded, and what to do about it. */
export function whyUnavailable({
  errors,
  given,
}: {
  errors: readonly unknown[]
  given: string | undefined
}): string {
  if (given !== undefined && !existsSync(given))
    return `TLS_RESUMPTION_ADDON names ${given}, which does not exist`
  // Any other error comes from a binary that exists but cannot be loaded.
  const reason = errors.find(error => !NOT_FOUND.includes((error as { code?: unknown }).code))
  if (reason !== undefined) return reason instanceof Error ? reason.message : String(reason)
  const name = platformName()
  if (!PLATFORMS.includes(name)) {
    return `there is no binary for ${name}, only for ${PLATFORMS.join(', ')}; ${FROM_SOURCE}`
  }
  if (process.getBuiltinModule('node:sea')?.isSea()) {
    return `a single executable needs tls-resumption.${name}.node beside it, or its path in TLS_RESUMPTION_ADDON`
  }
  return (
    `the package tls-resumption-${name}, which has the binary for this platform, was not found (npm omits it with ` +
    `--omit=optional, or if another platform wrote the lockfile; a bundle has to include it or to leave the package ` +
    `out); ${FROM_SOURCE}`
  )
}

function isGlibc(): boolean {
  const { report } = process
  if (!report) return true
  // Without this a report resolves the names of all connected peers, which takes seconds.
  const { excludeNetwork } = report as { excludeNetwork?: boolean }
  Object.assign(report, { excludeNetwork: true })
  try {
    const { header } = report.getReport() as unknown as { header?: { glibcVersionRuntime?: string } }
    return header?.glibcVersionRuntime !== undefined
  } finally {
    Object.assign(report, { excludeNetwork })
  }
}
