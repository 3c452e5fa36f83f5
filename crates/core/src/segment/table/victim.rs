//! Chooses the slot that a new session takes.

use super::claim::Claim;
use super::{Allocate, Events, Hash, MAX_CONFLICTS, Moment, Phase, Seen, State, Table, WAYS};
use crate::call_time::Now;
use crate::segment::layout::WORD;
use crate::segment::owner::Owners;
use crate::store::counters::Removal;

/// What a slot of a set is to a new session. The lowest one is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Rank {
    /// Empty, with memory.
    Ready,
    /// Empty, without memory.
    Empty,
    /// Expired or cleared.
    Dead,
    /// Busy. It is of use only if its owner is dead.
    Busy,
    /// It goes anyway when the new session is stored. Of several, the session that was stored first goes.
    Replaced { sequence: u64 },
    /// A session of another key, or the last one of this key. `idle` is inverted, so that the longest unused goes first.
    Evicted { is_last_of_key: bool, is_unused: bool, idle: u64, sequence: u64 },
}

/// A slot of a set as it was seen.
#[derive(Clone, Copy)]
struct Candidate {
    index: usize,
    state: State,
    /// `None` if it is not live.
    seen: Option<Seen>,
    rank: Rank,
}

impl<O: Owners, A: Allocate> Table<'_, O, A> {
    /// Claims a slot for a new session of `len` bytes, and allocates its memory. `others`: how many sessions its key may have
    /// beside it. Returns `None` if there is no slot, or no memory.
    pub(super) fn claim_slot<N: Now>(
        &self,
        hash: Hash,
        len: usize,
        others: usize,
        now: Moment<N>,
    ) -> Option<Claim<'_>> {
        if let Some(claim) = self.claim_ready(hash, len) {
            return Some(claim);
        }
        let mut has_memory = true;
        for _ in 0..MAX_CONFLICTS {
            let mut candidates = self.candidates(hash, len, others, has_memory, now);
            candidates.sort_unstable_by_key(|candidate| candidate.rank);
            let chosen = candidates.iter().find(|candidate| match candidate.rank {
                Rank::Busy => self.recover(candidate.index, candidate.state),
                // Without memory only a slot that has some is of use.
                _ => has_memory || self.stamp(candidate.index).allocated() >= len,
            })?;
            if chosen.rank == Rank::Busy {
                // It is empty now, unless another process was faster.
                continue;
            }
            if !self.allocate(chosen.index, len) {
                has_memory = false;
                continue;
            }
            let Some(seen) = &chosen.seen else {
                if let Some(claim) = self.claim_empty(chosen.index, chosen.state) {
                    return Some(claim);
                }
                continue;
            };
            if let Some(claim) = self.claim_live(seen) {
                let why = match chosen.rank {
                    Rank::Replaced { .. } => Removal::Replaced,
                    _ => Removal::Evicted,
                };
                self.count_gone(self.reason(seen, why, now));
                return Some(claim);
            }
        }
        None
    }

    /// Claims an empty slot that has memory, if there is one, without a look at the others.
    fn claim_ready(&self, hash: Hash, len: usize) -> Option<Claim<'_>> {
        let first = self.set_of(hash);
        (first..first + WAYS).find_map(|index| {
            let state = self.state(index);
            let is_ready = state.phase() == Phase::Empty && self.stamp(index).allocated() >= len;
            is_ready.then(|| self.claim_empty(index, state)).flatten()
        })
    }

    fn candidates<N: Now>(
        &self,
        hash: Hash,
        len: usize,
        others: usize,
        has_memory: bool,
        now: Moment<N>,
    ) -> [Candidate; WAYS] {
        let first = self.set_of(hash);
        let mut set: [Candidate; WAYS] = std::array::from_fn(|way| {
            let (index, state) = (first + way, self.state(first + way));
            let (seen, rank) = match state.phase() {
                Phase::Empty if self.stamp(index).allocated() >= len => (None, Rank::Ready),
                Phase::Empty => (None, Rank::Empty),
                Phase::Busy => (None, Rank::Busy),
                Phase::Live => match self.snapshot_of(index, state, None) {
                    Ok(Some(seen)) => (Some(seen), Rank::Dead),
                    _ => (None, Rank::Busy),
                },
            };
            Candidate { index, state, seen, rank }
        });
        let best = if has_memory { Rank::Empty } else { Rank::Ready };
        if set.iter().any(|candidate| candidate.rank <= best) {
            return set;
        }
        // The set is full, or its empty slots have no memory. What lives is ranked by the other sessions of its key.
        let live = set.map(|candidate| candidate.seen.filter(|seen| self.is_current(seen, now)));
        for candidate in &mut set {
            if let Some(seen) = candidate.seen.filter(|seen| self.is_current(seen, now)) {
                let of_key =
                    live.iter().flatten().filter(|other| other.record.hash == seen.record.hash);
                candidate.rank = rank(&seen, of_key.count(), hash, others, now.coarse);
            }
        }
        set
    }

    /// Allocates the payload of a slot, if it is not yet. The slot need not be claimed: memory is never given back.
    fn allocate(&self, index: usize, len: usize) -> bool {
        let stamp = self.stamp(index);
        if stamp.allocated() >= len {
            return true;
        }
        let mut byte = stamp.allocated();
        while byte < len {
            let words = self.part.payload(index, byte);
            let needed = (len - byte).next_multiple_of(1024) / WORD;
            let needed = words.len().min(needed);
            if !self.memory.allocate(words.start, needed) {
                Events::count(&self.events.no_space);
                return false;
            }
            byte += needed * WORD;
        }
        // If a reader changes the stamp at the same time, the next turn allocates again, which changes nothing.
        self.set_stamp(index, stamp, stamp.with_allocated(len)) || self.set_allocated(index, len)
    }

    fn set_allocated(&self, index: usize, len: usize) -> bool {
        (0..MAX_CONFLICTS).any(|_| {
            let stamp = self.stamp(index);
            self.set_stamp(index, stamp, stamp.with_allocated(len))
        })
    }
}

fn rank(seen: &Seen, of_key: usize, hash: Hash, others: usize, now: u64) -> Rank {
    let sequence = seen.record.sequence;
    if seen.record.hash == hash && of_key > others {
        return Rank::Replaced { sequence };
    }
    Rank::Evicted {
        is_last_of_key: of_key == 1,
        is_unused: of_key > 1 && !seen.state.is_used(),
        idle: u64::MAX - seen.stamp.idle(now),
        sequence,
    }
}
