/** Rejects, with what to do by hand, where they cannot be installed: it takes root and apt-get. */
export function installPackages(packages: readonly string[]): Promise<void>
