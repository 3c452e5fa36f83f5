/** This package, as built, for drivers that have an option for it. */

export * from '../../../lib/index.js'
export * from '../../../lib/undici.js'
