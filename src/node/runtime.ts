/**
 * Names this runtime if it is one in which the package leaves TLS as it is, with the reason. Bun and Deno have TLS of
 * their own behind `node:tls`. BoringSSL writes sessions in another way than OpenSSL.
 */
export function unsupportedRuntime(): string | undefined {
  const { bun, deno, openssl = '' } = process.versions
  if (bun !== undefined) return `Bun ${bun}, whose TLS is not that of Node.js`
  if (deno !== undefined) return `Deno ${deno}, whose TLS is not that of Node.js`
  const features = process.features as { openssl_is_boringssl?: boolean }
  // Older builds with BoringSSL, as in Electron, say version 0.0.0 or 1.1.1. Node.js 20 and later has OpenSSL 3.
  const hasOpenssl = !features.openssl_is_boringssl && Number.parseInt(openssl, 10) >= 3
  return hasOpenssl ? undefined : `a Node.js without OpenSSL 3 (its version is '${openssl}')`
}
