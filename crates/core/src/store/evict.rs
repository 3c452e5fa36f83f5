use crate::call_time::Now;

use super::Store;
use super::counters::{Count, Removal};
use super::index::list::Hash;
use super::index::node::{BlockRef, Id, LenAndGeneration, UNLINKED};
use super::quota::Quota;
use super::striped::random;
use super::sync::{Ordering, fence};

/// How many random nodes are looked at to find one to evict.
const SAMPLES: u64 = 16;

/// How many random nodes are looked at before all are gone through.
const MAX_LOOKS: u64 = 64;

/// How many nodes a step of a sweep looks at that has a thread for itself.
const SWEEP_STEP: Id = 1024;

/// How many nodes the step looks at that an insertion takes in a hundred: one call in a hundred is within what is said of
/// the slowest in a thousand.
const INSERT_SWEEP_STEP: Id = 256;

/// A node that may go. Not known to be linked.
#[derive(Clone, Copy)]
struct Candidate {
    id: Id,
    version: u64,
    hash: Hash,
    /// Whether it has a stamp, which it gets once it is linked.
    stamped: bool,
    /// Of two the lesser one goes first: what expired goes before what did not, by its expiry and then its age,
    /// and what did not by its last use.
    rank: (bool, u64, u64),
}

impl Store {
    /// Takes the sweep that insertions drive a step further.
    pub(crate) fn sweep_after_insert(&self, now: impl Now) {
        // Two threads that read the same place do the same step: nothing to pair with.
        let from = self.swept_to.0.load(Ordering::Relaxed);
        let (_, next) = self.sweep_range(from, now, INSERT_SWEEP_STEP);
        self.swept_to.0.store(next.unwrap_or(0), Ordering::Relaxed);
    }

    /// Removes the expired ones among a bounded number of entries. Tells how many, and where to go on; nowhere if
    /// that completed the sweep.
    pub(crate) fn sweep_step(&self, from: Id, now: impl Now) -> (usize, Option<Id>) {
        self.sweep_range(from, now, SWEEP_STEP)
    }

    fn sweep_range(&self, from: Id, now: impl Now, looks: Id) -> (usize, Option<Id>) {
        let last = self.list.nodes.highest_used();
        let to = last.min(from + looks);
        let mut removed = 0;
        for id in from + 1..=to {
            // Almost none has expired, so this asks one thing first.
            let expires_at = self.list.nodes[id].expires_at.load(Ordering::Acquire);
            if now.has_come(expires_at)
                && let Some(candidate) = self.candidate(id, now)
                && candidate.rank < LIVE
                && let Some(quota) = self.remove_candidate(&candidate, Removal::Expired, now)
            {
                self.quota.give_back(quota);
                removed += 1;
            }
        }
        let next = (to < last).then_some(to);
        if next.is_none() {
            self.counters.add(Count::Sweep);
        }
        (removed, next)
    }

    /// Removes all entries, at once for all threads. They are wiped when it returns, or when the call does that has one in
    /// hand.
    pub(crate) fn clear(&self) {
        // Release pairs with the acquire in `clear_generation`.
        self.clear_generation.0.fetch_add(1, Ordering::AcqRel);
        // Pairs with the fence in `linked`: a node of an earlier era is either linked and seen below, or whoever
        // links it finds this era and removes it.
        fence(Ordering::SeqCst);
        for id in 1..=self.list.nodes.highest_used() {
            if let Some(candidate) = self.candidate(id, 0_u64) {
                let size = LenAndGeneration(self.list.nodes[id].size.load(Ordering::Acquire));
                // Whose era began meanwhile, by another `clear`, came after this one.
                if !size.is_of(self.clear_generation())
                    && let Some(quota) = self.remove_candidate(&candidate, Removal::Cleared, 0_u64)
                {
                    self.quota.give_back(quota);
                }
            }
        }
        // Release pairs with the acquire in `held`.
        self.cleared.0.fetch_add(1, Ordering::Release);
    }

    /// Removes the entry that should go first, `keep` apart, and leaves the caller its permit. `None` if there is
    /// none, or others were faster each time.
    pub(super) fn evict(&self, keep: Option<Id>, now: impl Now) -> Option<Quota> {
        let mut spared = [keep.unwrap_or(0), 0];
        for _ in 0..4 {
            let victim = self.victim(spared, now)?;
            if let Some(quota) = self.remove_candidate(&victim, Removal::Evicted, now) {
                return Some(quota);
            }
            // Most likely it is not linked yet.
            spared[1] = victim.id;
        }
        None
    }

    fn victim(&self, spared: [Id; 2], now: impl Now) -> Option<Candidate> {
        let last = self.list.nodes.highest_used();
        let candidate =
            |id: Id| self.candidate(id, now).filter(|it| it.stamped && !spared.contains(&it.id));
        if !self.is_exact() && last > 0 {
            let (mut best, mut found): (Option<Candidate>, _) = (None, 0);
            for _ in 0..MAX_LOOKS {
                if let Some(other) = candidate(random_id(last)) {
                    best = Some(first_to_go(best, other));
                    found += 1;
                    if found == SAMPLES {
                        break;
                    }
                }
            }
            if best.is_some() {
                return best;
            }
        }
        (1..=last).filter_map(candidate).fold(None, |best, other| Some(first_to_go(best, other)))
    }

    /// The node as it is, if it is filled and may be linked.
    fn candidate(&self, id: Id, now: impl Now) -> Option<Candidate> {
        let node = &self.list.nodes[id];
        let state = self.state(id);
        if !state.is_filled() {
            return None;
        }
        // Acquire keeps the second look at the version behind these.
        let hash = Hash {
            high: node.hash_high.load(Ordering::Acquire),
            low: node.hash_low.load(Ordering::Acquire),
        };
        let expires_at = node.expires_at.load(Ordering::Acquire);
        let stamp = node.stamp.load(Ordering::Acquire);
        let order = BlockRef(node.place.load(Ordering::Acquire)).order();
        let version = state.version();
        if self.state(id).version() != version {
            return None;
        }
        let rank =
            if now.has_come(expires_at) { (false, expires_at, order) } else { (true, stamp, 0) };
        Some(Candidate { id, version, hash, stamped: stamp != UNLINKED, rank })
    }

    fn remove_candidate(
        &self,
        candidate: &Candidate,
        why: Removal,
        now: impl Now,
    ) -> Option<Quota> {
        let mut seen = self.list.find(candidate.hash, candidate.id, candidate.version)?;
        self.remove_node(&mut seen, candidate.hash, why, now)
    }
}

/// What is before this has expired.
const LIVE: (bool, u64, u64) = (true, 0, 0);

fn first_to_go(best: Option<Candidate>, other: Candidate) -> Candidate {
    best.filter(|best| best.rank <= other.rank).unwrap_or(other)
}

/// One of `1..=last`.
fn random_id(last: Id) -> Id {
    (((random() >> 32) * u64::from(last)) >> 32) as Id + 1
}
