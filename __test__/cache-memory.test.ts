import test from 'ava'
import { SessionCache } from 'tls-resumption'

test('caches for which there is no address space are an error with a code, and others go on', t => {
  const opened: SessionCache[] = []
  const openAll = () => {
    // A process of 64 bits has room for some hundreds of these, none of which takes memory.
    for (let count = 0; count < 2000; count++) opened.push(new SessionCache({ maxSize: 2 ** 37 - 1 }))
  }
  t.throws(openAll, { code: 'ERR_TLS_RESUMPTION_NO_MEMORY', message: /address space/ })
  t.true(opened.length > 0)
  for (const cache of opened) cache[Symbol.dispose]()
  t.is(new SessionCache().set('peer', Buffer.from('a session')).size, 1)
})
