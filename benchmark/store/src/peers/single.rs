//! Two that are no LRU: a map without a bound, and what rustls keeps sessions in.

use std::sync::Arc;

use rustls::server::{ServerSessionMemoryCache, StoresServerSessions};

use super::{Key, Peer, copy_out};

pub struct Papaya(papaya::HashMap<Key, Box<[u8]>>);

impl Papaya {
    pub fn new() -> Self {
        Self(papaya::HashMap::new())
    }
}

impl Peer for Papaya {
    fn get(&self, key: &Key, out: &mut [u8]) -> bool {
        copy_out(self.0.pin().get(key), out)
    }

    fn take(&self, key: &Key, out: &mut [u8]) -> bool {
        copy_out(self.0.pin().remove(key), out)
    }

    fn set(&self, key: &Key, blob: &[u8]) {
        self.0.pin().insert(*key, Box::from(blob));
    }

    fn len(&self) -> Option<usize> {
        Some(self.0.len())
    }
}

/// The store of its servers. The store of its clients (`ClientSessionMemoryCache`) takes only values that rustls itself
/// can make, so it cannot store a blob. Both use the same bounded map under one mutex.
pub struct Rustls(Arc<ServerSessionMemoryCache>);

impl Rustls {
    pub fn new(max: usize) -> Self {
        Self(ServerSessionMemoryCache::new(max))
    }
}

impl Peer for Rustls {
    fn get(&self, key: &Key, out: &mut [u8]) -> bool {
        copy_out(self.0.get(key), out)
    }

    fn take(&self, key: &Key, out: &mut [u8]) -> bool {
        copy_out(self.0.take(key), out)
    }

    fn set(&self, key: &Key, blob: &[u8]) {
        self.0.put(key.to_vec(), blob.to_vec());
    }

    fn len(&self) -> Option<usize> {
        None
    }
}
