import test from 'ava'
import { SessionCache } from 'tls-resumption'

/** A cache with tickets of one peer, the first of them the oldest. */
function cacheWith(tickets: string, options = {}): SessionCache {
  const cache = new SessionCache(options)
  for (const ticket of tickets) cache.add('peer', Buffer.from(ticket))
  return cache
}

/** What the operation returns, call after call, until it returns nothing (or for long enough). */
function drain(next: () => Buffer | undefined): string {
  let all = ''
  for (let i = 0; i < 10; i++) all += next() ?? ''
  return all
}

test('get returns the newest ticket of a key, every time', t => {
  const cache = cacheWith('abc')
  t.is(
    drain(() => cache.get('peer')),
    'cccccccccc',
  )
  t.is(cache.size, 3)
})

test('take returns the tickets of a key one by one, newest first', t => {
  const cache = cacheWith('abc')
  t.is(
    drain(() => cache.take('peer')),
    'cba',
  )
  t.is(cache.size, 0)
})

test('offer returns unused tickets first, newest first, and then the newest again', t => {
  const cache = cacheWith('abc')
  t.is(
    drain(() => cache.offer('peer')),
    'cbaccccccc',
  )
  t.is(cache.size, 3)
})

test('a new ticket is offered before the used ones', t => {
  const cache = cacheWith('ab')
  cache.offer('peer')
  cache.add('peer', Buffer.from('c'))
  t.is(drain(() => cache.offer('peer')).slice(0, 3), 'cac')
})

test('get does not count as offering', t => {
  const cache = cacheWith('ab')
  cache.get('peer')
  t.is(drain(() => cache.offer('peer')).slice(0, 2), 'ba')
})

test('a session that set stored is offered any number of times', t => {
  const cache = new SessionCache().set('peer', Buffer.from('s'))
  t.is(
    drain(() => cache.offer('peer')),
    'ssssssssss',
  )
})

test('four tickets are kept for a key unless told otherwise', t => {
  const cache = cacheWith('abcdef')
  t.is(cache.size, 4)
  t.is(cache.stats().replaced, 2)
  t.is(
    drain(() => cache.take('peer')),
    'fedc',
  )
})

for (const ticketsPerPeer of [1, 2, 255]) {
  test(`with ticketsPerPeer ${ticketsPerPeer}, the oldest ticket beyond ${ticketsPerPeer} goes`, t => {
    const cache = new SessionCache({ ticketsPerPeer })
    for (let i = 1; i <= ticketsPerPeer; i++) cache.add('peer', Buffer.from([i]))
    t.is(cache.size, ticketsPerPeer)
    t.is(cache.stats().replaced, 0)

    cache.add('peer', Buffer.from('new'))
    t.is(cache.size, ticketsPerPeer)
    t.is(cache.stats().replaced, 1)
    t.is(cache.take('peer')?.toString(), 'new')
    const rest = Array.from({ length: ticketsPerPeer - 1 }, () => cache.take('peer')?.[0])
    t.deepEqual(
      rest,
      Array.from({ length: ticketsPerPeer - 1 }, (_, i) => ticketsPerPeer - i),
    )
  })
}

test('the oldest ticket goes even if it was used last', t => {
  const cache = cacheWith('ab', { ticketsPerPeer: 2 })
  t.is(cache.offer('peer')?.toString(), 'b')
  t.is(cache.offer('peer')?.toString(), 'a')
  cache.add('peer', Buffer.from('c'))
  t.is(
    drain(() => cache.take('peer')),
    'cb',
  )
})

test('set replaces all tickets of its key, and none of another', t => {
  const cache = cacheWith('abc').add('other', Buffer.from('x')).add('other', Buffer.from('y'))
  cache.set('peer', Buffer.from('s'))
  t.is(cache.stats().replaced, 3)
  t.is(
    drain(() => cache.take('peer')),
    's',
  )
  t.is(
    drain(() => cache.take('other')),
    'yx',
  )
})

test('add keeps what set stored', t => {
  const cache = new SessionCache().set('peer', Buffer.from('s')).add('peer', Buffer.from('t'))
  t.is(
    drain(() => cache.take('peer')),
    'ts',
  )
})

test('the tickets of one key do not count for another', t => {
  const cache = new SessionCache({ ticketsPerPeer: 1 })
  cache.add('one', Buffer.from('1')).add('two', Buffer.from('2'))
  t.is(cache.size, 2)
})
