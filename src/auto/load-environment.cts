/**
 * Loads `environment.ts`, which needs the addon. It is CommonJS, so that it can be required, and has a literal `require`,
 * which bundlers and tracers follow.
 */
interface Environment {
  installFromEnvironment(environment: Readonly<Record<string, string | undefined>>): void
}

/** @throws the coded error of the addon, if that could not be loaded. */
function loadEnvironment(): Environment {
  return require('./environment.js')
}

export = { loadEnvironment: loadEnvironment as () => Environment }
