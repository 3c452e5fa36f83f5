//! The caches, behind one face. Every read copies the blob out, as a binding to JavaScript has to, and every key
//! is hashed with SipHash under a random key, since session ids come from the network.

use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex};

use rustls::server::{ServerSessionMemoryCache, StoresServerSessions};
use tls_resumption_core::{ByteBudget, Cache, Capacity, EntryOptions};

pub type Key = [u8; 32];

/// What all of them can do. A read leaves the blob in `out` and says whether there was one.
pub trait Peer: Send + Sync {
    fn get(&self, key: &Key, out: &mut Vec<u8>) -> bool;
    fn take(&self, key: &Key, out: &mut Vec<u8>) -> bool;
    fn set(&self, key: &Key, blob: &[u8]);
    fn len(&self) -> usize;
}

pub struct Contestant {
    pub name: &'static str,
    /// What a reader of the table has to know.
    pub remark: &'static str,
    pub make: fn(usize) -> Arc<dyn Peer>,
}

pub const CONTESTANTS: &[Contestant] = &[
    Contestant {
        name: "tls-resumption",
        remark: "wipes what it removes",
        make: |max| Arc::new(Ours::new(max)),
    },
    Contestant { name: "quick_cache", remark: "", make: |max| Arc::new(Quick::new(max, None)) },
    Contestant {
        name: "quick_cache, 64 shards",
        remark: "tuned",
        make: |max| Arc::new(Quick::new(max, Some(64))),
    },
    Contestant {
        name: "moka, LRU",
        remark: "counts become exact later",
        make: |max| {
            let policy = moka::policy::EvictionPolicy::lru();
            Arc::new(Moka(
                moka::sync::Cache::builder()
                    .max_capacity(max as u64)
                    .eviction_policy(policy)
                    .build(),
            ))
        },
    },
    Contestant {
        name: "papaya",
        remark: "unbounded",
        make: |_| Arc::new(Papaya(papaya::HashMap::new())),
    },
    Contestant { name: "Mutex<lru>", remark: "", make: |max| Arc::new(Sharded::new(max, 1)) },
    Contestant {
        name: "lru, 64 shards",
        remark: "capacity is split",
        make: |max| Arc::new(Sharded::new(max, 64)),
    },
    Contestant {
        name: "rustls",
        remark: "ServerSessionMemoryCache; first in, first out",
        make: |max| Arc::new(Rustls(ServerSessionMemoryCache::new(max), max)),
    },
];

struct Ours(Cache);

impl Ours {
    fn new(max: usize) -> Self {
        Self(
            Cache::builder()
                .max(Capacity::new(max as u64).expect("in range"))
                .max_bytes(ByteBudget::new(ByteBudget::MAX.get()).expect("in range"))
                .sweep_interval(None)
                .build(),
        )
    }
}

fn parse(key: &Key) -> tls_resumption_core::Key<'_> {
    tls_resumption_core::Key::new(key).expect("32 bytes are a key")
}

impl Peer for Ours {
    fn get(&self, key: &Key, out: &mut Vec<u8>) -> bool {
        self.0.get_into(parse(key), out).expect("the buffer is large enough").is_some()
    }

    fn take(&self, key: &Key, out: &mut Vec<u8>) -> bool {
        self.0.take_into(parse(key), out).expect("the buffer is large enough").is_some()
    }

    fn set(&self, key: &Key, blob: &[u8]) {
        self.0.put(parse(key), blob, EntryOptions::default()).expect("the blob fits");
    }

    fn len(&self) -> usize {
        self.0.len()
    }
}

/// The copy that our own cache makes within its read.
fn copy_out(blob: Option<impl AsRef<[u8]>>, out: &mut [u8]) -> bool {
    let Some(blob) = blob else { return false };
    let blob = blob.as_ref();
    out[..blob.len()].copy_from_slice(blob);
    true
}

struct Quick(
    quick_cache::sync::Cache<Key, Arc<[u8]>, quick_cache::UnitWeighter, std::hash::RandomState>,
);

impl Quick {
    fn new(max: usize, shards: Option<usize>) -> Self {
        let mut options = quick_cache::OptionsBuilder::new();
        options.estimated_items_capacity(max).weight_capacity(max as u64);
        if let Some(shards) = shards {
            options.shards(shards);
        }
        Self(quick_cache::sync::Cache::with_options(
            options.build().expect("both capacities are given"),
            quick_cache::UnitWeighter,
            Default::default(),
            Default::default(),
        ))
    }
}

impl Peer for Quick {
    fn get(&self, key: &Key, out: &mut Vec<u8>) -> bool {
        copy_out(self.0.get(key), out)
    }

    fn take(&self, key: &Key, out: &mut Vec<u8>) -> bool {
        copy_out(self.0.remove(key).map(|(_, blob)| blob), out)
    }

    fn set(&self, key: &Key, blob: &[u8]) {
        self.0.insert(*key, Arc::from(blob));
    }

    fn len(&self) -> usize {
        self.0.len()
    }
}

struct Moka(moka::sync::Cache<Key, Arc<[u8]>>);

impl Peer for Moka {
    fn get(&self, key: &Key, out: &mut Vec<u8>) -> bool {
        copy_out(self.0.get(key), out)
    }

    fn take(&self, key: &Key, out: &mut Vec<u8>) -> bool {
        copy_out(self.0.remove(key), out)
    }

    fn set(&self, key: &Key, blob: &[u8]) {
        self.0.insert(*key, Arc::from(blob));
    }

    fn len(&self) -> usize {
        usize::try_from(self.0.entry_count()).unwrap_or(usize::MAX)
    }
}

struct Papaya(papaya::HashMap<Key, Box<[u8]>>);

impl Peer for Papaya {
    fn get(&self, key: &Key, out: &mut Vec<u8>) -> bool {
        copy_out(self.0.pin().get(key), out)
    }

    fn take(&self, key: &Key, out: &mut Vec<u8>) -> bool {
        copy_out(self.0.pin().remove(key), out)
    }

    fn set(&self, key: &Key, blob: &[u8]) {
        self.0.pin().insert(*key, Box::from(blob));
    }

    fn len(&self) -> usize {
        self.0.len()
    }
}

struct Sharded {
    shards: Vec<Mutex<lru::LruCache<Key, Box<[u8]>, std::hash::RandomState>>>,
    hasher: std::hash::RandomState,
}

impl Sharded {
    fn new(max: usize, shards: usize) -> Self {
        let each = NonZeroUsize::new(max.div_ceil(shards)).expect("not empty");
        let shard = || Mutex::new(lru::LruCache::with_hasher(each, Default::default()));
        Self { shards: (0..shards).map(|_| shard()).collect(), hasher: Default::default() }
    }

    fn with<R>(
        &self,
        key: &Key,
        operation: impl FnOnce(&mut lru::LruCache<Key, Box<[u8]>, std::hash::RandomState>) -> R,
    ) -> R {
        let shard = match self.shards.len() {
            1 => 0,
            shards => {
                (std::hash::BuildHasher::hash_one(&self.hasher, key) % shards as u64) as usize
            }
        };
        operation(&mut self.shards[shard].lock().expect("nothing panics under the lock"))
    }
}

impl Peer for Sharded {
    fn get(&self, key: &Key, out: &mut Vec<u8>) -> bool {
        self.with(key, |cache| copy_out(cache.get(key), out))
    }

    fn take(&self, key: &Key, out: &mut Vec<u8>) -> bool {
        copy_out(self.with(key, |cache| cache.pop(key)), out)
    }

    fn set(&self, key: &Key, blob: &[u8]) {
        let blob = Box::from(blob);
        let replaced = self.with(key, |cache| cache.push(*key, blob));
        drop(replaced); // without the lock
    }

    fn len(&self) -> usize {
        self.shards.iter().map(|shard| shard.lock().expect("as above").len()).sum()
    }
}

#[derive(Debug)]
struct Rustls(Arc<ServerSessionMemoryCache>, usize);

impl Peer for Rustls {
    fn get(&self, key: &Key, out: &mut Vec<u8>) -> bool {
        copy_out(self.0.get(key), out)
    }

    fn take(&self, key: &Key, out: &mut Vec<u8>) -> bool {
        copy_out(self.0.take(key), out)
    }

    fn set(&self, key: &Key, blob: &[u8]) {
        self.0.put(key.to_vec(), blob.to_vec());
    }

    /// It does not say; its bound is known.
    fn len(&self) -> usize {
        self.1
    }
}
