/** The platforms that have a prebuilt binary, as the names of their packages end: `tls-resumption-linux-x64-gnu`. */
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
  'and set NAPI_RS_NATIVE_LIBRARY_PATH to the .node file in its dist/binding'

/** What this process runs on, named as in {@link PLATFORMS}. */
export function platformName(): string {
  const { platform, arch } = process
  if (platform === 'linux') return `${platform}-${arch}-${isGlibc() ? 'gnu' : 'musl'}`
  return platform === 'win32' ? `${platform}-${arch}-msvc` : `${platform}-${arch}`
}

/** Why the loader that napi-rs generated found no binary, in a sentence that says what to do. */
export function whyUnavailable(error: unknown): string {
  const messages = chainOf(error)
  // Several places were looked in. What is neither of these is a binary that is there and cannot be loaded.
  const reason = messages.find(message => !/^(?:Cannot find (?:native|module)|Unsupported )/.test(message))
  if (reason !== undefined) return reason
  const wanted = process.env.NAPI_RS_NATIVE_LIBRARY_PATH
  if (wanted) return `there is no ${wanted}, which NAPI_RS_NATIVE_LIBRARY_PATH names`
  const name = platformName()
  if (!PLATFORMS.includes(name)) {
    return `there is no binary for ${name}, only for ${PLATFORMS.join(', ')}; ${FROM_SOURCE}`
  }
  return (
    `the package tls-resumption-${name}, which has the binary for this platform, is not installed (npm leaves it out ` +
    `with --omit=optional, or after a lockfile that another platform wrote); ${FROM_SOURCE}`
  )
}

/** The messages of an error and its causes, outermost first. */
function chainOf(error: unknown): string[] {
  const messages: string[] = []
  for (let one = error; one instanceof Error && messages.length < 32; one = one.cause)
    messages.push(one.message)
  return messages.length ? messages : [String(error)]
}

function isGlibc(): boolean {
  const { report } = process
  if (!report) return true
  // It would look up the names of all connected peers.
  const { excludeNetwork } = report as { excludeNetwork?: boolean }
  Object.assign(report, { excludeNetwork: true })
  try {
    const { header } = report.getReport() as unknown as { header?: { glibcVersionRuntime?: string } }
    return header?.glibcVersionRuntime !== undefined
  } finally {
    Object.assign(report, { excludeNetwork })
  }
}
