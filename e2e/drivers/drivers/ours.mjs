/** This package, as built, for drivers that have an option for it. */

export * from '../../../dist/index.js'
export * from '../../../dist/undici.js'
