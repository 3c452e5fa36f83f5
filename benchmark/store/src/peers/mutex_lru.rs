use std::hash::{BuildHasher, RandomState};
use std::num::NonZeroUsize;
use std::sync::Mutex;

use lru::LruCache;

use super::{Key, Peer, copy_out};

type Shard = LruCache<Key, Box<[u8]>, RandomState>;

/// Several LRU caches, each behind a mutex.
pub struct Sharded {
    shards: Vec<Mutex<Shard>>,
    hasher: RandomState,
}

impl Sharded {
    pub fn new(max: usize, shards: usize) -> Self {
        let each = NonZeroUsize::new(max.div_ceil(shards)).expect("not empty");
        let shard = || Mutex::new(LruCache::with_hasher(each, RandomState::new()));
        Self { shards: (0..shards).map(|_| shard()).collect(), hasher: RandomState::new() }
    }

    fn with<R>(&self, key: &Key, operation: impl FnOnce(&mut Shard) -> R) -> R {
        let shard = match self.shards.len() {
            1 => 0,
            shards => (self.hasher.hash_one(key) % shards as u64) as usize,
        };
        operation(&mut self.shards[shard].lock().expect("nothing panics under the lock"))
    }
}

impl Peer for Sharded {
    fn get(&self, key: &Key, out: &mut [u8]) -> bool {
        self.with(key, |cache| copy_out(cache.get(key), out))
    }

    fn take(&self, key: &Key, out: &mut [u8]) -> bool {
        copy_out(self.with(key, |cache| cache.pop(key)), out)
    }

    fn set(&self, key: &Key, blob: &[u8]) {
        let blob = Box::from(blob);
        let replaced = self.with(key, |cache| cache.push(*key, blob));
        drop(replaced); // without the lock
    }

    fn len(&self) -> Option<usize> {
        Some(self.shards.iter().map(|shard| shard.lock().expect("as above").len()).sum())
    }
}
