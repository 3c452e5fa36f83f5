//! Removing all entries: at once for every reader, and then node by node.
//!
//! Each entry carries the clear generation in which it was stored. `clear` begins a new one, so that all
//! entries are dead in one step. A *drain* then wipes them. While it is under way, the entries of the current generation are
//! counted apart, because dead ones still hold quota.

use super::Store;
use super::conflict::{Conflict, retry};
use super::counters::Removal;
use super::index::node::{Id, LenAndGeneration};
use super::quota::Quota;
use super::striped::{CachePadded, STRIPES, stripe};
use super::sync::{AtomicU64, Ordering, fence};

/// Up to this many nodes, `clear` drains in the call.
const DRAIN_AT_ONCE: Id = 2048;

/// How many nodes a step of a drain reads.
const DRAIN_STEP: Id = 1024;

const VALUE_BITS: u32 = 40;
const VALUE_MASK: u64 = (1 << VALUE_BITS) - 1;

/// A sum of one stripe that belongs to a clear generation. It may be negative, since what one thread stored another one
/// may remove. 24 bits of the generation, then 40 of the sum.
#[derive(Clone, Copy)]
struct Sum(u64);

impl Sum {
    fn is_of(self, generation: u64) -> bool {
        self.0 >> VALUE_BITS == generation & (u64::MAX >> VALUE_BITS)
    }

    /// True if `generation` began after that of this sum.
    fn is_before(self, generation: u64) -> bool {
        const HALF: u64 = 1 << (u64::BITS - VALUE_BITS - 1);
        let distance = generation.wrapping_sub(self.0 >> VALUE_BITS) & (u64::MAX >> VALUE_BITS);
        distance != 0 && distance < HALF
    }

    fn with(self, generation: u64, change: u64) -> Self {
        let old = if self.is_of(generation) { self.0 & VALUE_MASK } else { 0 };
        Self(generation << VALUE_BITS | old.wrapping_add(change) & VALUE_MASK)
    }

    fn value(self) -> i64 {
        // Extends the sign.
        (self.0 << (u64::BITS - VALUE_BITS)).cast_signed() >> (u64::BITS - VALUE_BITS)
    }
}

/// The clear generations, and the usage of the current one while a drain is under way.
#[derive(Default)]
pub(super) struct Generations {
    /// The current one, and the last one for which a drain is complete. Both change only with a `clear`.
    both: CachePadded<[AtomicU64; 2]>,
    /// Entries and bytes of the current one, in [`Sum`]s.
    usage: [CachePadded<[AtomicU64; 2]>; STRIPES],
}

impl Generations {
    pub(super) fn current(&self) -> u64 {
        // Acquire: pairs with `begin`.
        self.both.0[0].load(Ordering::Acquire)
    }

    fn drained(&self) -> u64 {
        // Acquire: pairs with `complete`. What the drain removed has given its quota back.
        self.both.0[1].load(Ordering::Acquire)
    }

    pub(super) fn is_draining(&self) -> bool {
        self.drained() != self.current()
    }

    fn begin(&self) {
        // Release: pairs with `current`.
        self.both.0[0].fetch_add(1, Ordering::AcqRel);
    }

    fn complete(&self, generation: u64) {
        // Release: pairs with `drained`.
        self.both.0[1].fetch_max(generation, Ordering::AcqRel);
    }

    /// Counts an entry that was linked.
    pub(super) fn add(&self, size: LenAndGeneration, generation: u64) {
        if self.is_draining() {
            self.count(generation, 1, size.len());
        }
    }

    /// Counts an entry that was removed.
    pub(super) fn subtract(&self, size: LenAndGeneration) {
        let generation = self.current();
        if size.is_of(generation) && self.drained() != generation {
            self.count(generation, 1_u64.wrapping_neg(), size.len().wrapping_neg());
        }
    }

    fn count(&self, generation: u64, entries: u64, bytes: u64) {
        for (word, change) in self.usage[stripe()].0.iter().zip([entries, bytes]) {
            let mut sum = Sum(word.load(Ordering::Relaxed));
            while sum.is_of(generation) || sum.is_before(generation) {
                // Release: pairs with the load in `usage`.
                let new = sum.with(generation, change);
                match word.compare_exchange_weak(sum.0, new.0, Ordering::AcqRel, Ordering::Relaxed)
                {
                    Ok(_) => break,
                    Err(now) => sum = Sum(now),
                }
            }
        }
    }

    /// Returns what the entries of the current generation have if a drain is under way, and `None` otherwise.
    pub(super) fn usage(&self) -> Option<Quota> {
        let usage = retry(|| {
            let (drained, generation) = (self.drained(), self.current());
            if drained == generation {
                return Ok(None);
            }
            let sum = |part: usize| -> u64 {
                let sums =
                    self.usage.iter().map(|stripe| Sum(stripe.0[part].load(Ordering::Acquire)));
                let sum: i64 = sums.filter(|sum| sum.is_of(generation)).map(Sum::value).sum();
                u64::try_from(sum).unwrap_or(0)
            };
            let usage = Quota { entries: sum(0), bytes: sum(1) };
            if (drained, generation) == (self.drained(), self.current()) {
                return Ok(Some(usage));
            }
            Err(Conflict)
        });
        // Each attempt met a `clear`.
        usage.unwrap_or_else(|Conflict| Some(Quota::default()))
    }
}

/// How far a drain has come.
#[derive(Debug, Clone, Copy)]
#[must_use = "entries are wiped by the drain"]
pub(crate) struct Drain {
    pub(crate) generation: u64,
    pub(crate) from: Id,
}

impl Store {
    /// Removes all entries, at once for all threads. Returns the drain that wipes them, unless it is complete already.
    #[must_use = "entries are wiped by the drain"]
    pub(crate) fn clear(&self) -> Option<Drain> {
        self.generations.begin();
        // Pairs with the fence in `linked`. A node of an earlier generation is either linked and met by the drain, or the
        // thread that links it finds the new generation and removes it.
        fence(Ordering::SeqCst);
        let drain = self.drain();
        if self.list.nodes.highest_used() <= DRAIN_AT_ONCE {
            self.finish(drain);
            return None;
        }
        Some(drain)
    }

    /// Begins a drain.
    pub(crate) fn drain(&self) -> Drain {
        Drain { generation: self.generations.current(), from: 0 }
    }

    /// True if the store may have entries that a `clear` has removed and no drain has wiped.
    pub(crate) fn is_draining(&self) -> bool {
        self.generations.is_draining()
    }

    pub(crate) fn finish(&self, mut drain: Drain) {
        while let Some(next) = self.drain_step(drain) {
            drain = next;
        }
    }

    /// Wipes dead entries among a bounded number of nodes. Returns `None` if the drain is complete.
    pub(crate) fn drain_step(&self, drain: Drain) -> Option<Drain> {
        let last = self.list.nodes.highest_used();
        let to = last.min(drain.from + DRAIN_STEP);
        for id in drain.from + 1..=to {
            let Some(node) = self.examine(id) else { continue };
            // A later `clear` may have begun a newer generation. Entries of that are not dead.
            if !node.size.is_of(self.generations.current()) {
                self.delete_filled(&node, Removal::Cleared, 0_u64);
            }
        }
        if to < last {
            return Some(Drain { from: to, ..drain });
        }
        self.generations.complete(drain.generation);
        // This drain may have passed entries that another `clear` has killed since.
        (drain.generation != self.generations.current()).then(|| self.drain())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sum_is_negative_or_positive_and_starts_again_with_a_generation() {
        let one = Sum(0).with(0, 1_u64.wrapping_neg());
        assert_eq!((one.value(), one.is_of(0), one.is_of(1)), (-1, true, false));
        let two = one.with(0, 5);
        assert_eq!(two.value(), 4);
        assert!(two.is_before(1) && !two.is_before(0));
        let next = two.with(1, 1 << 37);
        assert_eq!((next.value(), next.is_of(1)), (1 << 37, true));
        assert!(Sum(0).with((1 << 24) - 1, 3).is_before(1 << 24), "generations wrap around");
    }
}
