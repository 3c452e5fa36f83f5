import test, { type TestFn } from 'ava'
import { program, wanted } from './store.ts'

if (program === undefined && wanted === 'required') {
  throw new Error('neither redis-server nor valkey-server is installed, and these tests are to be run')
}

/** Tests that need a server; where none is installed they show as skipped, and `npm test` says so. */
const skipped = Object.assign(test.skip.bind(test), { serial: test.serial.skip })
export const testWithStore = (program === undefined ? skipped : test) as TestFn
