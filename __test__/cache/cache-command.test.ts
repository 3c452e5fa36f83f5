/** `tls-resumption cache FILE`. */
import { existsSync, writeFileSync } from 'node:fs'
import test from 'ava'
import { SessionCache } from 'tls-resumption'
import { tlsResumption } from '../support/cli.ts'
import { hasSharedFiles, pathOnTmpfs } from '../support/shared-file.ts'

const linuxTest = hasSharedFiles ? test : test.skip

linuxTest('command cache: it shows counts and processes, and no secret', async t => {
  const path = pathOnTmpfs(t)
  const cache = new SessionCache({ path, max: 100 })
  cache.set('a key', Buffer.from('a secret'))
  const { code, stdout } = await tlsResumption('cache', path)
  t.is(code, 0)
  t.regex(stdout, /sessions +1 of 100 \(8 bytes\)/)
  t.true(stdout.includes(`1 besides this command (${process.pid})`))
  t.notRegex(stdout, /secret|a key/)
  const json = JSON.parse((await tlsResumption('cache', path, '--json')).stdout)
  t.like(json, { path, serves: 'clients', sessions: 1, max: 100, singleUse: false, processes: [process.pid] })
})

linuxTest('command cache: it purges a host or all, and removes the file', async t => {
  const path = pathOnTmpfs(t)
  const cache = new SessionCache({ path })
  cache.set('key', Buffer.from('a session'))
  t.is((await tlsResumption('cache', path, '--purge', 'db.example')).code, 0)
  t.is((await tlsResumption('cache', '--purge', path)).code, 0)
  t.is(cache.get('key')?.toString(), 'a session', 'a purge changes keys')
  const { code, stdout } = await tlsResumption('cache', path, '--remove')
  t.is(code, 0)
  t.regex(stdout, /Removed/)
  t.false(existsSync(path) || existsSync(`${path}.v1`))
})

linuxTest('command cache: a missing or foreign file, and wrong arguments', async t => {
  const path = pathOnTmpfs(t)
  t.is((await tlsResumption('cache', path)).code, 3)
  t.false(existsSync(path), 'it makes none')
  writeFileSync(path, 'x'.repeat(1000))
  const { code, stderr } = await tlsResumption('cache', path, '--remove')
  t.is(code, 3)
  t.regex(stderr, /no cache of tls-resumption/)
  t.true(existsSync(path))
  t.is((await tlsResumption('cache')).code, 2)
  t.is((await tlsResumption('cache', path, '--unknown')).code, 2)
  t.is((await tlsResumption('cache', path, 'more')).code, 2)
  t.is((await tlsResumption('cache', '--help')).code, 0)
})
