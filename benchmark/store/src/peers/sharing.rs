//! Caches that clone what they hand out, so that what they hold is shared: an `Arc`.

use std::hash::RandomState;
use std::hint::black_box;
use std::sync::Arc;

use moka::policy::EvictionPolicy;
use quick_cache::{OptionsBuilder, UnitWeighter, sync};

use super::{Key, Peer, copy_out};

/// What they hold.
pub trait Held: AsRef<[u8]> + Clone + Send + Sync + for<'a> From<&'a [u8]> {}

impl Held for Arc<[u8]> {}

/// Of 1 KB, glibc serves a box from the cache that each thread has, and an `Arc<[u8]>`, being 16 bytes larger, not:
/// one allocation more is then much faster.
#[derive(Clone)]
pub struct Boxed(Arc<Box<[u8]>>);

impl AsRef<[u8]> for Boxed {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl From<&[u8]> for Boxed {
    fn from(blob: &[u8]) -> Self {
        Self(Arc::new(Box::from(blob)))
    }
}

impl Held for Boxed {}

/// Zeroes its bytes when the last of those who share it lets go.
#[derive(Clone)]
pub struct Wiped(Arc<Wiping>);

struct Wiping(Box<[u8]>);

impl Drop for Wiping {
    fn drop(&mut self) {
        self.0.fill(0);
        black_box(&mut self.0); // so that the compiler cannot leave it out
    }
}

impl AsRef<[u8]> for Wiped {
    fn as_ref(&self) -> &[u8] {
        &self.0.0
    }
}

impl From<&[u8]> for Wiped {
    fn from(blob: &[u8]) -> Self {
        Self(Arc::new(Wiping(Box::from(blob))))
    }
}

impl Held for Wiped {}

pub type Quick = QuickOf<Boxed>;
pub type CompactQuick = QuickOf<Arc<[u8]>>;
pub type WipingQuick = QuickOf<Wiped>;

pub struct QuickOf<T>(sync::Cache<Key, T, UnitWeighter, RandomState>);

impl<T: Held> QuickOf<T> {
    pub fn new(max: usize, shards: Option<usize>) -> Self {
        let mut options = OptionsBuilder::new();
        options.estimated_items_capacity(max).weight_capacity(max as u64);
        if let Some(shards) = shards {
            options.shards(shards);
        }
        let options = options.build().expect("both capacities are given");
        let (hasher, lifecycle) = Default::default();
        Self(sync::Cache::with_options(options, UnitWeighter, hasher, lifecycle))
    }
}

impl<T: Held> Peer for QuickOf<T> {
    fn get(&self, key: &Key, out: &mut [u8]) -> bool {
        copy_out(self.0.get(key), out)
    }

    fn take(&self, key: &Key, out: &mut [u8]) -> bool {
        copy_out(self.0.remove(key).map(|(_, blob)| blob), out)
    }

    fn set(&self, key: &Key, blob: &[u8]) {
        self.0.insert(*key, T::from(blob));
    }

    fn len(&self) -> Option<usize> {
        Some(self.0.len())
    }
}

/// Its two caches have the same methods and no trait in common.
macro_rules! moka {
    ($name:ident, $cache:ident) => {
        pub struct $name(moka::sync::$cache<Key, Boxed>);

        impl Peer for $name {
            fn get(&self, key: &Key, out: &mut [u8]) -> bool {
                copy_out(self.0.get(key), out)
            }

            fn take(&self, key: &Key, out: &mut [u8]) -> bool {
                copy_out(self.0.remove(key), out)
            }

            fn set(&self, key: &Key, blob: &[u8]) {
                self.0.insert(*key, Boxed::from(blob));
            }

            fn len(&self) -> Option<usize> {
                usize::try_from(self.0.entry_count()).ok()
            }
        }
    };
}

moka!(Moka, Cache);
moka!(SegmentedMoka, SegmentedCache);

fn builder(max: usize) -> moka::sync::CacheBuilder<Key, Boxed, moka::sync::Cache<Key, Boxed>> {
    moka::sync::Cache::builder().max_capacity(max as u64).eviction_policy(EvictionPolicy::lru())
}

impl Moka {
    pub fn new(max: usize) -> Self {
        Self(builder(max).build())
    }
}

impl SegmentedMoka {
    pub fn new(max: usize, segments: usize) -> Self {
        Self(builder(max).segments(segments).build())
    }
}
