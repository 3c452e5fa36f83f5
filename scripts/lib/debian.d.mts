/**
 * Installs Debian packages. Rejects if this process is not root or there is no apt-get, with the command to run by
 * hand.
 */
export function installPackages(packages: readonly string[]): Promise<void>
