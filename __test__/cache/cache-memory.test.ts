import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import test from 'ava'
import { SessionCache } from 'tls-resumption'

const run = promisify(execFile)

test('caches for which there is no address space are an error with a code, and others go on', t => {
  const opened: SessionCache[] = []
  const openAll = () => {
    // A process of 64 bits has room for some hundreds of these, none of which takes memory.
    for (let count = 0; count < 2000; count++) {
      opened.push(new SessionCache({ max: 123_456, maxSize: 2 ** 37 - 1 }))
    }
  }
  const error = t.throws(openAll, { code: 'ERR_TLS_RESUMPTION_NO_MEMORY' })
  t.regex(
    error?.message ?? '',
    /no address space for \d+ bytes more, which max 123456 and maxSize 137438953471 ask for/,
  )
  t.true(opened.length > 0)
  for (const cache of opened) cache[Symbol.dispose]()
  t.is(new SessionCache().set('peer', Buffer.from('a session')).size, 1)
})

test('a program that catches the error sees nothing of it on its streams', async t => {
  const program = `
    import { SessionCache } from 'tls-resumption'
    const opened = []
    try {
      for (let count = 0; count < 2000; count++) opened.push(new SessionCache({ maxSize: 2 ** 37 - 1 }))
    } catch (error) {
      console.log(error.code)
    }
  `
  const { stdout, stderr } = await run(process.execPath, ['--input-type=module', '--eval', program], {
    env: { ...process.env, NODE_OPTIONS: '' },
  })
  t.is(stdout, 'ERR_TLS_RESUMPTION_NO_MEMORY\n')
  t.is(stderr, '')
})
