/** What a driver that has an option for it is given: this package, as built. */

export * from '../../../dist/index.js'
export * from '../../../dist/undici.js'
