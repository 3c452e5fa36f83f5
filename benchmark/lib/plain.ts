/** What a process of Node alone may have: the benchmark itself, and what turns its TypeScript into JavaScript. */
const OWN =
  /\/(?:benchmark|fixtures|scripts\/lib|e2e\/drivers)\/(?!.*node_modules\/)|\/node_modules\/esbuild\//

/**
 * Checks what a process of Node alone has loaded, as `loadedFiles` returns it.
 * @param arm the name of the measured way, for the error.
 * @param allowed the packages that the process is meant to have, such as a database driver.
 * @throws if there is anything else, such as this package, its addon, or npm's undici.
 */
export function checkPlain(arm: string, files: readonly string[], allowed: readonly string[] = []): void {
  if (files.length === 0) throw new Error(`the process of "${arm}" does not say what it has loaded`)
  const foreign = files.filter(
    file => !OWN.test(file) && !allowed.some(name => file.includes(`/node_modules/${name}/`)),
  )
  if (foreign.length > 0) throw new Error(`the process of "${arm}" has loaded ${foreign.join(', ')}`)
}
