/** What a driver that has an option for it is given: this package, as built. */

export * from '../../../dist/undici.js'
export * from '../../../dist/index.js'
