/** The npm package `tls-session-cache` is the yardstick of its replacement. */
import { execFile } from 'node:child_process'
import { join } from 'node:path'
import tls from 'node:tls'
import { promisify } from 'node:util'
import test from 'ava'
import cacheSessions from 'tls-resumption/compat'
import tlsSessionCache from 'tls-session-cache'
import { testAuthority } from '../support/server.ts'

// It is called with more than its types allow, as programs in JavaScript do.
const original = tlsSessionCache as unknown as (server: unknown, options?: object) => void

test('compat: a program of the npm package changes one name, and resumes', async t => {
  const { cert, issue } = await testAuthority()
  const identity = await issue({ commonName: 'localhost', usage: 'server' })
  const program = join(import.meta.dirname, '..', 'workers', 'compat.cjs')
  const run = promisify(execFile)(process.execPath, [program, JSON.stringify(identity), cert])
  const { said, type } = JSON.parse((await run).stdout)
  t.is(type, 'function')
  t.deepEqual(said, ['full', 'resumed', 'resumed', 'full', 'full'])
})

test('compat: it takes what the original takes', t => {
  for (const options of [
    undefined,
    {},
    { maxCachedSessions: 1_000_000 },
    { maxCachedSessions: '100' },
    { maxCachedSessions: Number.POSITIVE_INFINITY },
    { maxCachedSessions: 0.5 },
  ]) {
    t.notThrows(() => original(tls.createServer(), options && { ...options }))
    t.notThrows(() => cacheSessions(tls.createServer(), options), JSON.stringify(options))
  }
})

test('compat: what the original rejects is rejected with a code', t => {
  for (const maxCachedSessions of [0, -1, 'many', Number.NaN]) {
    t.throws(() => original(tls.createServer(), { maxCachedSessions }))
    t.throws(() => cacheSessions(tls.createServer(), { maxCachedSessions }), { code: 'ERR_OUT_OF_RANGE' })
  }
  for (const server of [undefined, {}]) {
    t.throws(() => original(server))
    t.throws(() => cacheSessions(server as never), { code: 'ERR_INVALID_ARG_TYPE' })
  }
  t.throws(() => cacheSessions(tls.createServer(), { maxCachedSessions: {} as never }), {
    code: 'ERR_INVALID_ARG_TYPE',
  })
})
