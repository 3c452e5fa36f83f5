import test from 'ava'
import { SessionCache } from 'tls-resumption'

function offered(cache: SessionCache): string[] {
  return Array.from({ length: 5 }, () => cache.offer('peer')?.toString() ?? 'none')
}

test('a ticket is offered once when singleUse is set', t => {
  const cache = new SessionCache({ singleUse: true })
  cache.add('peer', Buffer.from('old')).add('peer', Buffer.from('new'))
  t.deepEqual(offered(cache), ['new', 'old', 'none', 'none', 'none'])
  t.is(cache.size, 0)
  t.is(cache.stats().takes, 2)
})

test('a ticket that was offered is gone for all operations when singleUse is set', t => {
  const cache = new SessionCache({ singleUse: true }).add('peer', Buffer.from('ticket'))
  cache.offer('peer')
  t.false(cache.has('peer'))
  t.is(cache.get('peer'), undefined)
  t.is(cache.take('peer'), undefined)
  t.is(cache.delete('peer'), 0)
  t.is(cache.bytes, 0)
})

test('a reusable session is offered again and again though singleUse is set', t => {
  const cache = new SessionCache({ singleUse: true })
  cache.set('peer', Buffer.from('session'), { reusable: true })
  t.deepEqual(offered(cache), Array(5).fill('session'))
  t.is(cache.stats().takes, 0)
})

test('reusable and other tickets of one key are each offered by their own rule', t => {
  const cache = new SessionCache({ singleUse: true })
  cache.add('peer', Buffer.from('once'))
  cache.add('peer', Buffer.from('ever'), { reusable: true })
  cache.add('peer', Buffer.from('once more'), { reusable: false })
  t.deepEqual(offered(cache), ['once more', 'ever', 'once', 'ever', 'ever'])
})

test('get does not use a ticket up', t => {
  const cache = new SessionCache({ singleUse: true }).add('peer', Buffer.from('ticket'))
  t.is(cache.get('peer')?.toString(), 'ticket')
  t.is(cache.get('peer')?.toString(), 'ticket')
  t.deepEqual(offered(cache).slice(0, 2), ['ticket', 'none'])
})

test('take removes a reusable session', t => {
  const cache = new SessionCache({ singleUse: true })
  cache.set('peer', Buffer.from('session'), { reusable: true })
  t.is(cache.take('peer')?.toString(), 'session')
  t.false(cache.has('peer'))
})

test('reusable means nothing to a cache without singleUse', t => {
  const cache = new SessionCache({ singleUse: false })
  cache.add('peer', Buffer.from('a'), { reusable: true }).add('peer', Buffer.from('b'))
  t.deepEqual(offered(cache), ['b', 'a', 'b', 'b', 'b'])
})
