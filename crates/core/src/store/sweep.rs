use crate::call_time::Now;

use super::Store;
use super::counters::{Count, Removal};
use super::index::node::Id;
use super::sync::Ordering;

/// How many nodes a step of a sweep reads if a thread does nothing else.
const SWEEP_STEP: Id = 1024;

/// How many nodes the step reads that every hundredth insertion makes. One call in a hundred is within what
/// is promised of the slowest call in a thousand.
const INSERT_SWEEP_STEP: Id = 256;

impl Store {
    /// Continues the sweep that insertions drive by one step.
    pub(crate) fn sweep_after_insert(&self, now: impl Now) {
        // Relaxed: two threads that read the same place do the same step.
        let from = self.swept_to.0.load(Ordering::Relaxed);
        let (_, next) = self.sweep_range(from, now, INSERT_SWEEP_STEP);
        self.swept_to.0.store(next.unwrap_or(0), Ordering::Relaxed);
    }

    /// Removes the expired entries among a bounded number of nodes. Returns how many, and the place of the next step,
    /// or `None` if the sweep is complete.
    pub(crate) fn sweep_step(&self, from: Id, now: impl Now) -> (usize, Option<Id>) {
        self.sweep_range(from, now, SWEEP_STEP)
    }

    fn sweep_range(&self, from: Id, now: impl Now, looks: Id) -> (usize, Option<Id>) {
        let last = self.list.nodes.highest_used();
        let to = last.min(from + looks);
        let mut removed = 0;
        for id in from + 1..=to {
            // Few entries have expired, so this comes first.
            let expires_at = self.list.nodes[id].expires_at.load(Ordering::Acquire);
            if !now.has_come(expires_at) {
                continue;
            }
            match self.examine(id) {
                Some(node) if now.has_come(node.expires_at) => {
                    removed += usize::from(self.delete_filled(&node, Removal::Expired, now));
                }
                Some(_) => {}
                None => self.free_lingering(id),
            }
        }
        let next = (to < last).then_some(to);
        if next.is_none() {
            self.counters.add(Count::Sweep);
        }
        (removed, next)
    }
}
