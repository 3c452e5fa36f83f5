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
  'and set NAPI_RS_NATIVE_LIBRARY_PATH to the .node file in its dist/binding'

/** Returns the platform of this process, named as in {@link PLATFORMS}. */
export function platformName(): string {
  const { platform, arch } = process
  if (platform === 'linux') return `${platform}-${arch}-${isGlibc() ? 'gnu' : 'musl'}`
  return platform === 'win32' ? `${platform}-${arch}-msvc` : `${platform}-${arch}`
}

/** Explains why the loader of napi-rs found no binary, and what to do about it. */
export function whyUnavailable(error: unknown): string {
  const messages = messagesOf(error)
  // The loader tries several places. A message of another form comes from a binary that exists but cannot be loaded.
  const reason = messages.find(message => !/^(?:Cannot find (?:native|module)|Unsupported )/.test(message))
  if (reason !== undefined) return reason
  const wanted = process.env.NAPI_RS_NATIVE_LIBRARY_PATH
  if (wanted) return `NAPI_RS_NATIVE_LIBRARY_PATH names ${wanted}, which does not exist`
  const name = platformName()
  if (!PLATFORMS.includes(name)) {
    return `there is no binary for ${name}, only for ${PLATFORMS.join(', ')}; ${FROM_SOURCE}`
  }
  return (
    `the package tls-resumption-${name}, which has the binary for this platform, is not installed (npm omits it with ` +
    `--omit=optional, or if another platform wrote the lockfile); ${FROM_SOURCE}`
  )
}

/** Returns the messages of an error and its causes, outermost first. */
function messagesOf(error: unknown): string[] {
  const messages: string[] = []
  for (let cause = error; cause instanceof Error && messages.length < 32; cause = cause.cause)
    messages.push(cause.message)
  return messages.length ? messages : [String(error)]
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
