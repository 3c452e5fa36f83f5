//! The caches under one trait. Every read copies the blob, as a binding to JavaScript has to. Every key is hashed with
//! SipHash under a random key, because session IDs come from the network.

mod mutex_lru;
mod ours;
mod sharing;
mod single;

use std::sync::Arc;

pub use mutex_lru::Sharded;
pub use ours::{Ours, parse};

pub type Key = [u8; 32];

/// What all of them can do. A read leaves the blob in `out` and says whether there was one.
pub trait Peer {
    fn get(&self, key: &Key, out: &mut [u8]) -> bool;
    fn take(&self, key: &Key, out: &mut [u8]) -> bool;
    fn set(&self, key: &Key, blob: &[u8]);
    /// `None`: it does not say.
    fn len(&self) -> Option<usize>;
}

pub type Shared = Arc<dyn Peer + Send + Sync>;

pub struct Contestant {
    pub name: &'static str,
    /// Whether it may hold no more than it was made for.
    pub is_bounded: bool,
    pub make: fn(usize) -> Shared,
}

/// Ours is the first.
pub const CONTESTANTS: &[Contestant] = &[
    Contestant {
        name: "tls-resumption",
        is_bounded: true,
        make: |max| Arc::new(Ours::new(max, None)),
    },
    Contestant {
        name: "quick_cache",
        is_bounded: true,
        make: |max| Arc::new(sharing::Quick::new(max, None)),
    },
    Contestant {
        name: "quick_cache, Arc<[u8]>",
        is_bounded: true,
        make: |max| Arc::new(sharing::CompactQuick::new(max, None)),
    },
    Contestant {
        name: "quick_cache, 64 shards",
        is_bounded: true,
        make: |max| Arc::new(sharing::Quick::new(max, Some(64))),
    },
    Contestant {
        name: "quick_cache, wiping",
        is_bounded: true,
        make: |max| Arc::new(sharing::WipingQuick::new(max, None)),
    },
    Contestant {
        name: "moka, LRU",
        is_bounded: true,
        make: |max| Arc::new(sharing::Moka::new(max)),
    },
    Contestant {
        name: "moka, LRU, 16 segments",
        is_bounded: true,
        make: |max| Arc::new(sharing::SegmentedMoka::new(max, 16)),
    },
    Contestant { name: "papaya", is_bounded: false, make: |_| Arc::new(single::Papaya::new()) },
    Contestant { name: "Mutex<lru>", is_bounded: true, make: |max| Arc::new(Sharded::new(max, 1)) },
    Contestant {
        name: "lru, 64 shards",
        is_bounded: true,
        make: |max| Arc::new(Sharded::new(max, 64)),
    },
    Contestant { name: "rustls", is_bounded: true, make: |max| Arc::new(single::Rustls::new(max)) },
];

/// Ours, and those of the names given, or all for none.
pub fn named(names: &[String]) -> Vec<&'static Contestant> {
    for name in names {
        assert!(CONTESTANTS.iter().any(|other| other.name == name), "there is no {name:?}");
    }
    let is_wanted = |name: &str| names.is_empty() || names.iter().any(|other| other == name);
    let wanted = |(index, one): &(usize, &Contestant)| *index == 0 || is_wanted(one.name);
    CONTESTANTS.iter().enumerate().filter(wanted).map(|(_, contestant)| contestant).collect()
}

/// The copy that our own cache makes within its read.
fn copy_out(blob: Option<impl AsRef<[u8]>>, out: &mut [u8]) -> bool {
    let Some(blob) = blob else { return false };
    let blob = blob.as_ref();
    out[..blob.len()].copy_from_slice(blob);
    true
}
