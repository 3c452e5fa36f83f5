export const OURS = 'tls-resumption'

export const PEERS =
  'All copy the blob out and hash with SipHash under a random key. Ours wipes what it removes, looks at lifetimes and ' +
  'keeps counts; of the others only `quick_cache, wiping` wipes, when the last reader lets go. quick_cache and moka ' +
  'hold an `Arc<Box<[u8]>>`, which glibc serves faster than an `Arc<[u8]>` of 1 KB. `papaya` has no bound, `rustls` ' +
  '(`ServerSessionMemoryCache`: blobs cannot be put into the one for clients) is first in, first out, and shards split ' +
  'the capacity, so that they evict before they are full.'

const REMARKS: Record<string, string> = { papaya: 'papaya (unbounded)', rustls: 'rustls (FIFO)' }

export function nameOf(contestant: string): string {
  return REMARKS[contestant] ?? contestant
}

export function isOurs({ contestant }: { contestant: string }): boolean {
  return contestant === OURS
}
