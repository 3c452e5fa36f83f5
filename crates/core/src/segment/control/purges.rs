//! Purge counters in the control file. They do for all processes what [`PurgeCounters`](crate::PurgeCounters) does for the
//! threads of one, and stay in force when all processes have ended.

use crate::segment::sync::{AtomicU64, Ordering};

/// The counters by a hash of the peer's name, under the key of the file. Peers that share a counter are purged together,
/// which only costs full handshakes.
#[derive(Clone, Copy)]
pub(crate) struct Purges<'a> {
    counters: &'a [AtomicU64],
    total: &'a AtomicU64,
}

impl<'a> Purges<'a> {
    /// Takes the words of the region, and the word that counts all purges. They were zeros when the file was made.
    pub(crate) fn new(counters: &'a [AtomicU64], total: &'a AtomicU64) -> Self {
        Self { counters, total }
    }

    /// Purges the peer with that hash of its name.
    ///
    /// If the process dies between the two steps, the counter is in force for every process that reads it later. The call
    /// did not return, so no caller relies on it.
    pub(crate) fn purge(&self, hash: u64) {
        self.counter(hash).fetch_add(1, Ordering::Relaxed);
        // Release: pairs with the load in `total`, so that a thread that sees a purge also sees its counter.
        self.total.fetch_add(1, Ordering::Release);
    }

    /// Purges all peers.
    pub(crate) fn purge_all(&self) {
        for counter in self.counters {
            counter.fetch_add(1, Ordering::Relaxed);
        }
        // Release: as in `purge`.
        self.total.fetch_add(1, Ordering::Release);
    }

    /// Returns how often a peer with the same counter was purged.
    pub(crate) fn of(&self, hash: u64) -> u64 {
        self.counter(hash).load(Ordering::Relaxed)
    }

    /// Returns the number of all purges. While it stays the same, all counters do.
    pub(crate) fn total(&self) -> u64 {
        // Acquire: pairs with `purge`.
        self.total.load(Ordering::Acquire)
    }

    fn counter(&self, hash: u64) -> &'a AtomicU64 {
        #[expect(
            clippy::cast_possible_truncation,
            reason = "a remainder of the number of counters"
        )]
        let place = (hash % self.counters.len() as u64) as usize;
        &self.counters[place]
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;
    use crate::segment::stepping::kill_before;

    fn words(count: usize) -> Vec<AtomicU64> {
        (0..count).map(|_| AtomicU64::new(0)).collect()
    }

    #[test]
    fn a_purge_counts_for_its_peer_and_in_total() {
        let (counters, total) = (words(8), AtomicU64::new(0));
        let purges = Purges::new(&counters, &total);
        purges.purge(3);
        purges.purge(11);
        assert_eq!((purges.of(3), purges.of(4), purges.total()), (2, 0, 2));
    }

    #[test]
    fn a_purge_that_was_killed_at_any_step_leaves_the_next_one_whole() {
        for at in 0..3 {
            let (counters, total) = (words(8), AtomicU64::new(0));
            let purges = Purges::new(&counters, &total);
            let done = kill_before(at, || purges.purge(3)).is_some();
            assert_eq!(done, at == 2);
            let before = (purges.of(3), purges.total());
            assert!(before.0 >= before.1, "a purge that others were told of has its counter");
            purges.purge(3);
            assert_eq!((purges.of(3), purges.total()), (before.0 + 1, before.1 + 1));
        }
    }
}

#[cfg(all(test, loom))]
mod loom_models {
    use loom::sync::Arc;
    use loom::thread;

    use super::*;

    #[test]
    fn a_thread_that_sees_a_purge_sees_its_counter() {
        loom::model(|| {
            let words = Arc::new([AtomicU64::new(0), AtomicU64::new(0)]);
            let other = Arc::clone(&words);
            let purger = thread::spawn(move || Purges::new(&other[..1], &other[1]).purge(5));
            let purges = Purges::new(&words[..1], &words[1]);
            if purges.total() == 1 {
                assert_eq!(purges.of(5), 1);
            }
            purger.join().unwrap();
            assert_eq!((purges.of(5), purges.total()), (1, 1));
        });
    }
}
