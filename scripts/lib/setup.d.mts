/** Installs the drivers of `npm run test:servers`, which have a package of their own. */
export function installDrivers(): Promise<void>
