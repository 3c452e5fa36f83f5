import test, { type TestFn } from 'ava'
import { program, wanted } from './store.ts'

if (program === undefined && wanted === 'required') {
  throw new Error(
    'neither redis-server nor valkey-server is installed, and TLS_RESUMPTION_TEST_REDIS requires one',
  )
}

const skipped = Object.assign(test.skip.bind(test), { serial: test.serial.skip })
/** Declares a test that needs Redis. If no server is installed the test is skipped, and `npm test` reports that. */
export const testWithStore = (program === undefined ? skipped : test) as TestFn
