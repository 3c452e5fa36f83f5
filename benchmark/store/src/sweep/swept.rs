//! Caches whose entries have lifetimes of their own and that can be swept by a call.

use std::hash::RandomState;
use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use lru::LruCache;
use tls_resumption_core::{EntryOptions, Ttl};

use crate::peers::{Key, Ours, Peer, parse};

pub trait Swept {
    fn set(&self, key: &Key, blob: &[u8], lifetime: Duration);
    fn get(&self, key: &Key, out: &mut [u8]) -> bool;
    /// Removes all that has expired.
    fn sweep(&self);
    fn holds_no_more_than(&self, entries: usize) -> bool;
}

type Make = fn(usize) -> Arc<dyn Swept + Send + Sync>;

pub fn contestants() -> [(&'static str, Make); 3] {
    [
        ("tls-resumption", |max| Arc::new(Ours::new(max, None))),
        ("moka, LRU", |max| Arc::new(Moka::new(max))),
        ("Mutex<lru>", |max| Arc::new(Locked::new(max))),
    ]
}

impl Swept for Ours {
    fn set(&self, key: &Key, blob: &[u8], lifetime: Duration) {
        let ttl = Ttl::new(Duration::from_millis(lifetime.as_millis() as u64));
        let options = EntryOptions::default().with_ttl(ttl);
        self.0.put(parse(key), blob, options).expect("the blob fits");
    }

    fn get(&self, key: &Key, out: &mut [u8]) -> bool {
        Peer::get(self, key, out)
    }

    fn sweep(&self) {
        self.0.sweep();
    }

    fn holds_no_more_than(&self, entries: usize) -> bool {
        self.0.len() <= entries
    }
}

type WithLifetime = (Arc<[u8]>, Duration);

struct Moka(moka::sync::Cache<Key, WithLifetime>);

struct Lifetimes;

impl moka::Expiry<Key, WithLifetime> for Lifetimes {
    fn expire_after_create(&self, _: &Key, value: &WithLifetime, _: Instant) -> Option<Duration> {
        Some(value.1)
    }
}

impl Moka {
    fn new(max: usize) -> Self {
        let builder = moka::sync::Cache::builder()
            .max_capacity(max as u64)
            .eviction_policy(moka::policy::EvictionPolicy::lru());
        Self(builder.expire_after(Lifetimes).build())
    }
}

impl Swept for Moka {
    fn set(&self, key: &Key, blob: &[u8], lifetime: Duration) {
        self.0.insert(*key, (Arc::from(blob), lifetime));
    }

    fn get(&self, key: &Key, out: &mut [u8]) -> bool {
        let Some((blob, _)) = self.0.get(key) else { return false };
        out.copy_from_slice(&blob);
        true
    }

    /// Each run is bounded, so as many as it takes.
    fn sweep(&self) {
        loop {
            let before = self.0.entry_count();
            self.0.run_pending_tasks();
            if self.0.entry_count() == before {
                break;
            }
        }
    }

    fn holds_no_more_than(&self, entries: usize) -> bool {
        self.0.entry_count() <= entries as u64
    }
}

/// As one would add lifetimes to `lru`: a sweep holds the lock.
struct Locked(Mutex<LruCache<Key, (Box<[u8]>, Instant), RandomState>>);

impl Locked {
    fn new(max: usize) -> Self {
        let max = NonZeroUsize::new(max).expect("not empty");
        Self(Mutex::new(LruCache::with_hasher(max, RandomState::new())))
    }
}

impl Swept for Locked {
    fn set(&self, key: &Key, blob: &[u8], lifetime: Duration) {
        let entry = (Box::from(blob), Instant::now() + lifetime);
        self.0.lock().expect("nothing panics under it").push(*key, entry);
    }

    fn get(&self, key: &Key, out: &mut [u8]) -> bool {
        let mut cache = self.0.lock().expect("nothing panics under it");
        let Some((blob, _)) = cache.get(key).filter(|(_, expiry)| *expiry > Instant::now()) else {
            return false;
        };
        out.copy_from_slice(blob);
        true
    }

    fn sweep(&self) {
        let now = Instant::now();
        self.0.lock().expect("nothing panics under it").retain(|_, (_, expiry)| *expiry > now);
    }

    fn holds_no_more_than(&self, entries: usize) -> bool {
        self.0.lock().expect("nothing panics under it").len() <= entries
    }
}
