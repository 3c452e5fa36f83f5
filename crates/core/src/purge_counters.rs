//! Which peers have been purged, and how often.
//!
//! A cache keeps hashes of keys, so it cannot tell whose an entry is. Whoever makes keys mixes the count of a peer's
//! purges in: with a purge the peer's entries are under keys that nobody makes any more, in all threads at once, those
//! that a connection from before stores later among them.

use std::hash::{BuildHasher, RandomState};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

/// How many counts there are. Peers that share one are purged together, which costs full handshakes and nothing else.
const SLOTS: usize = 1 << 16;

/// Counts of purges, by peer: from the first one on 256 KB, however many peers there are.
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
    /// Nothing has been purged.
    #[must_use]
    pub fn new() -> Self {
        Self { total: AtomicU64::new(0), slots: OnceLock::new(), hasher: RandomState::new() }
    }

    /// Purges the peer of that name.
    pub fn purge(&self, name: &[u8]) {
        let slots = self.slots.get_or_init(|| (0..SLOTS).map(|_| AtomicU32::new(0)).collect());
        slots[self.place(name)].fetch_add(1, Ordering::Relaxed);
        // Release: pairs with the load in `total`, so that whoever sees that there was a purge sees whose.
        self.total.fetch_add(1, Ordering::Release);
    }

    /// How often the peer of that name, or one that shares its count, has been purged.
    #[must_use]
    pub fn of(&self, name: &[u8]) -> u32 {
        self.slots.get().map_or(0, |slots| slots[self.place(name)].load(Ordering::Relaxed))
    }

    /// How many purges there were of whatever peers. While that stays the same, so does all the rest.
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
    fn a_purge_counts_for_its_peer_and_for_the_whole() {
        let purges = PurgeCounters::default();
        purges.purge(b"a");
        purges.purge(b"a");
        assert_eq!((purges.of(b"a"), purges.total()), (2, 2));
        // Of a few hundred other names most have another count.
        let others = (0..500_u32).filter(|n| purges.of(&n.to_le_bytes()) == 0).count();
        assert!(others > 490, "{others}");
    }

    #[test]
    fn threads_that_purge_at_once_lose_no_count() {
        let purges = PurgeCounters::new();
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| (0..1000).for_each(|_| purges.purge(b"a")));
            }
        });
        assert_eq!((purges.of(b"a"), purges.total()), (4000, 4000));
    }
}
