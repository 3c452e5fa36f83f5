/** The npm package `tls-session-cache`, by another name. */
import { execFile } from 'node:child_process'
import { join } from 'node:path'
import tls from 'node:tls'
import { promisify } from 'node:util'
import test from 'ava'
import cacheSessions from 'tls-resumption/compat'
import { testAuthority } from '../support/server.ts'

test('a program of the npm package changes one name, and resumes', async t => {
  const { cert, issue } = await testAuthority()
  const identity = await issue({ commonName: 'localhost', usage: 'server' })
  const program = join(import.meta.dirname, '..', 'workers', 'compat.cjs')
  const run = promisify(execFile)(process.execPath, [program, JSON.stringify(identity), cert])
  const { said, type } = JSON.parse((await run).stdout)
  t.is(type, 'function')
  t.deepEqual(said, ['full', 'resumed', 'resumed', 'full', 'full'])
})

test('its default of a hundred sessions is taken without options', t => {
  t.notThrows(() => cacheSessions(tls.createServer()))
  t.notThrows(() => cacheSessions(tls.createServer(), {}))
  t.notThrows(() => cacheSessions(tls.createServer(), { maxCachedSessions: 1_000_000 }))
})

test('what it cannot work with is refused', t => {
  t.throws(() => cacheSessions(undefined as never), { code: 'ERR_INVALID_ARG_TYPE' })
  t.throws(() => cacheSessions({} as never), { code: 'ERR_INVALID_ARG_TYPE' })
  t.throws(() => cacheSessions(tls.createServer(), { maxCachedSessions: 0 }), { code: 'ERR_OUT_OF_RANGE' })
  t.throws(() => cacheSessions(tls.createServer(), { maxCachedSessions: '1' as never }), {
    code: 'ERR_INVALID_ARG_TYPE',
  })
})
