//! Counts the purges of each peer.
//!
//! A cache keeps hashes of keys, so it does not know the peer of an entry. Callers mix the counter of a peer into its keys. A
//! purge increments it, so the earlier entries of the peer are under keys that are not used any more. That holds in all
//! threads at once, and for sessions that earlier connections store later.

use std::hash::{BuildHasher, RandomState};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

/// The number of counters. Peers that share one are purged together, which only costs full handshakes.
const SLOTS: usize = 1 << 16;

/// Counters of purges by peer. They take 256 KB from the first purge on, for any number of peers.
///
/// Every method takes `&self`, and none waits for another thread.
///
/// ```
/// use tls_resumption_core::PurgeCounters;
///
/// let purges = PurgeCounters::new();
/// assert_eq!((purges.total(), purges.of(b"db.example")), (0, 0));
/// purges.purge(b"db.example");
/// assert_eq!((purges.total(), purges.of(b"db.example")), (1, 1));
/// ```
#[derive(Debug)]
pub struct PurgeCounters {
    total: AtomicU64,
    slots: OnceLock<Box<[AtomicU32]>>,
    hasher: RandomState,
}

impl PurgeCounters {
    /// Makes counters without a purge.
    #[must_use]
    pub fn new() -> Self {
        Self { total: AtomicU64::new(0), slots: OnceLock::new(), hasher: RandomState::new() }
    }

    /// Purges the peer of that name.
    pub fn purge(&self, name: &[u8]) {
        let slots = self.slots.get_or_init(|| (0..SLOTS).map(|_| AtomicU32::new(0)).collect());
        slots[self.place(name)].fetch_add(1, Ordering::Relaxed);
        // Release: pairs with the load in `total`, so that a thread that sees a purge also sees its counter.
        self.total.fetch_add(1, Ordering::Release);
    }

    /// Returns how often the peer of that name, or one that shares its counter, has been purged.
    #[must_use]
    pub fn of(&self, name: &[u8]) -> u32 {
        self.slots.get().map_or(0, |slots| slots[self.place(name)].load(Ordering::Relaxed))
    }

    /// Returns the number of all purges. While it stays the same, all counters do.
    #[must_use]
    pub fn total(&self) -> u64 {
        // Acquire: pairs with `purge`.
        self.total.load(Ordering::Acquire)
    }

    fn place(&self, name: &[u8]) -> usize {
        #[expect(clippy::cast_possible_truncation, reason = "a remainder of the number of slots")]
        let place = (self.hasher.hash_one(name) % SLOTS as u64) as usize;
        place
    }
}

impl Default for PurgeCounters {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_purge_counts_for_its_peer_and_in_total() {
        let purges = PurgeCounters::default();
        purges.purge(b"a");
        purges.purge(b"a");
        assert_eq!((purges.of(b"a"), purges.total()), (2, 2));
        // Most of a few hundred other names have another counter.
        let others = (0..500_u32).filter(|n| purges.of(&n.to_le_bytes()) == 0).count();
        assert!(others > 490, "{others}");
    }

    #[test]
    fn concurrent_purges_lose_no_count() {
        let purges = PurgeCounters::new();
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| (0..1000).for_each(|_| purges.purge(b"a")));
            }
        });
        assert_eq!((purges.of(b"a"), purges.total()), (4000, 4000));
    }
}
