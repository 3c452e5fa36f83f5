use crate::Stats;

use super::lane::{LANES, lane};
use super::striped::{CachePadded, STRIPES, stripe};
use super::sync::{AtomicU64, Ordering};

/// An event that is counted: the counters of [`Stats`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Count {
    /// A blob was read and stays. A blob that is removed by being read counts only as gone.
    Shown,
    Miss,
    Set,
    Rejected,
    Sweep,
    Gone(Removal),
}

/// Why an entry leaves. Each reason has its counter, so that every entry is accounted for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Removal {
    Taken,
    Deleted,
    Replaced,
    Cleared,
    Evicted,
    Expired,
}

const COUNTERS: usize = 11;

impl Count {
    const fn index(self) -> usize {
        match self {
            Self::Shown => 0,
            Self::Miss => 1,
            Self::Set => 2,
            Self::Rejected => 3,
            Self::Sweep => 4,
            Self::Gone(why) => 5 + why as usize,
        }
    }
}

/// Each thread counts in its lane, or in a stripe if it has none. Not for memory that processes share: each has its own
/// owners of lanes.
#[derive(Default)]
pub(crate) struct Counters {
    lanes: [CachePadded<[AtomicU64; COUNTERS]>; LANES],
    stripes: [CachePadded<[AtomicU64; COUNTERS]>; STRIPES],
}

impl Counters {
    /// Counts an event. Returns the count of the lane or stripe.
    #[inline]
    pub(crate) fn add(&self, what: Count) -> u64 {
        // Relaxed, here and below: numbers only, they publish nothing.
        if let Some(lane) = lane() {
            // Only the owner of the lane writes this word.
            let count = &self.lanes[lane].0[what.index()];
            let next = count.load(Ordering::Relaxed) + 1;
            count.store(next, Ordering::Relaxed);
            return next;
        }
        self.stripes[stripe()].0[what.index()].fetch_add(1, Ordering::Relaxed) + 1
    }

    pub(crate) fn sum(&self, what: Count) -> u64 {
        let all = self.lanes.iter().chain(&self.stripes);
        all.map(|counts| counts.0[what.index()].load(Ordering::Relaxed)).sum()
    }

    /// Returns the counters, with gauges of 0.
    pub(crate) fn stats(&self) -> Stats {
        let gone = |why| self.sum(Count::Gone(why));
        Stats {
            hits: self.sum(Count::Shown) + gone(Removal::Taken),
            misses: self.sum(Count::Miss),
            sets: self.sum(Count::Set),
            takes: gone(Removal::Taken),
            deletes: gone(Removal::Deleted),
            replaced: gone(Removal::Replaced),
            cleared: gone(Removal::Cleared),
            evictions: gone(Removal::Evicted),
            expirations: gone(Removal::Expired),
            rejected: self.sum(Count::Rejected),
            sweeps: self.sum(Count::Sweep),
            size: 0,
            bytes: 0,
        }
    }
}
