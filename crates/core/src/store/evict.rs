use crate::call_time::Now;

use super::Store;
use super::conflict::Conflict;
use super::counters::Removal;
use super::index::node::{BlockRef, Id, LenAndGeneration};
use super::payload::block_slab::BLOCK_BYTES;
use super::quota::Quota;
use super::recency::{Candidate, EXACT_UP_TO};
use super::sync::Ordering;

/// At most as many candidates as share a group.
const MAX_BATCH: usize = 64;

/// Candidates that are evicted together.
struct Batch {
    candidates: [Option<Candidate>; MAX_BATCH],
    len: usize,
}

impl Default for Batch {
    fn default() -> Self {
        Self { candidates: [None; MAX_BATCH], len: 0 }
    }
}

impl Batch {
    fn push(&mut self, candidate: Candidate) {
        if let Some(place) = self.candidates.get_mut(self.len) {
            *place = Some(candidate);
            self.len += 1;
        }
    }

    fn iter(&self) -> impl Iterator<Item = Candidate> {
        self.candidates[..self.len].iter().filter_map(|candidate| *candidate)
    }
}

/// How many victims are tried before an eviction fails. Only other threads that remove the same ones make it fail.
const ATTEMPTS: u32 = 8;

impl Store {
    /// Removes entries that should go first, `keep` apart, until they have `missing` together. Adds their quota to `have`,
    /// which is less if other threads were faster each time.
    pub(super) fn evict(&self, missing: Quota, keep: Option<Id>, now: impl Now, have: &mut Quota) {
        // No node has the id 0.
        let spared = keep.unwrap_or(0);
        let (before, wanted) = (*have, have.plus(missing));
        for _ in 0..ATTEMPTS {
            if self.is_exact() {
                let Some(victim) = self.choose_exact(spared, now) else { return };
                self.evict_candidate(victim, now, have);
            } else {
                self.evict_sampled(wanted, spared, now, have);
            }
            if *have != before {
                return;
            }
        }
    }

    /// Removes the least recently used entry of a sample. If that is not enough, removes entries beside it that are
    /// nearly as old: they are adjacent, so they cost less than samples of their own.
    fn evict_sampled(&self, wanted: Quota, spared: Id, now: impl Now, have: &mut Quota) {
        let last = self.list.nodes.highest_used();
        let Some(oldest) = self.recency.oldest_of_sample(last, spared) else { return };
        self.evict_candidate(oldest.candidate, now, have);
        let missing = wanted.beyond(*have);
        if missing.is_none() {
            return;
        }
        let (mut batch, mut expected) = (Batch::default(), Quota::default());
        for candidate in self.recency.older_in_group(oldest, last, spared) {
            if missing.beyond(expected).is_none() {
                break;
            }
            let node = &self.list.nodes[candidate.id];
            // Relaxed: a hint, the candidate is examined later.
            let len = LenAndGeneration(node.size.load(Ordering::Relaxed)).len();
            expected = expected.plus(Quota::entry(len));
            self.list.prefetch_bucket(node);
            batch.push(candidate);
        }
        // The memory of all of them is fetched at the same time.
        for candidate in batch.iter() {
            let node = &self.list.nodes[candidate.id];
            self.list.prefetch_first(node);
            // Relaxed: as above.
            let first = BlockRef(node.place.load(Ordering::Relaxed)).first();
            self.blocks.prefetch(first, BLOCK_BYTES);
        }
        for candidate in batch.iter() {
            self.evict_candidate(candidate, now, have);
        }
    }

    /// Returns the entry that has expired for the longest time, or else the least recently used one.
    fn choose_exact(&self, spared: Id, now: impl Now) -> Option<Candidate> {
        let last = self.list.nodes.highest_used();
        let expired = now
            .has_come(self.recency.earliest_deadline())
            .then(|| self.longest_expired(last, spared, now))
            .flatten();
        expired.or_else(|| self.recency.oldest_of_all(last, spared))
    }

    fn longest_expired(&self, last: Id, spared: Id, now: impl Now) -> Option<Candidate> {
        self.recency.take_earliest_deadline();
        let mut earliest = u64::MAX;
        let mut best: Option<((u64, u64), Candidate)> = None;
        for candidate in self.recency.all(last) {
            let Some(node) = self.examine(candidate.id) else { continue };
            let rank = (node.expires_at, node.order);
            if candidate.id != spared
                && now.has_come(node.expires_at)
                && best.is_none_or(|(least, _)| rank < least)
            {
                if let Some(((expires_at, _), _)) = best.replace((rank, candidate)) {
                    earliest = earliest.min(expires_at);
                }
            } else {
                earliest = earliest.min(node.expires_at);
            }
        }
        self.recency.lower_earliest_deadline(earliest);
        best.map(|(_, candidate)| candidate)
    }

    fn evict_candidate(&self, candidate: Candidate, now: impl Now, have: &mut Quota) {
        let node = self.examine(candidate.id);
        let node = node.filter(|node| candidate.stamp.is_of(node.version));
        let Some(node) = node else { return self.recency.forget(candidate) };
        match self.find(&node) {
            Ok(Some(mut seen)) => {
                let quota = self.remove_node(&mut seen, node.hash, Removal::Evicted, now);
                *have = have.plus(quota.unwrap_or_default());
            }
            Ok(None) => self.recency.forget(candidate),
            // It may be linked, and the caller chooses another one.
            Err(Conflict) => {}
        }
    }

    /// True if the order of use is exact: if the cache has, and has ever had, few entries.
    pub(super) fn is_exact(&self) -> bool {
        self.options.max.get() <= EXACT_UP_TO || self.list.nodes.highest_used() <= EXACT_UP_TO
    }
}
