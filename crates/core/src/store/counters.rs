use crate::Stats;

use super::striped::{CachePadded, STRIPES, stripe};
use super::sync::{AtomicU64, Ordering};

/// What is counted: the counters of [`Stats`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Count {
    /// A blob was read and stays. One that goes by being read counts as gone alone.
    Shown,
    Miss,
    Set,
    Rejected,
    Sweep,
    Gone(Removal),
}

/// Why an entry goes. Each has its counter, so that no entry goes unaccounted for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Removal {
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

/// Each thread counts in its lane.
#[derive(Default)]
pub(super) struct Counters {
    stripes: [CachePadded<[AtomicU64; COUNTERS]>; STRIPES],
}

impl Counters {
    /// Returns the count of the lane.
    pub(super) fn add(&self, what: Count) -> u64 {
        // A count alone: nothing to pair with.
        self.stripes[stripe()].0[what.index()].fetch_add(1, Ordering::Relaxed) + 1
    }

    pub(super) fn sum(&self, what: Count) -> u64 {
        self.stripes.iter().map(|stripe| stripe.0[what.index()].load(Ordering::Relaxed)).sum()
    }

    /// Without the gauges.
    pub(super) fn stats(&self) -> Stats {
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
