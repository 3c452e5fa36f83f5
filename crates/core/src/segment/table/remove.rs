//! Removals: of a session, of a key, of everything.

use super::{Allocate, Hash, MAX_CONFLICTS, Moment, Phase, Seen, Table};
use crate::EntryId;
use crate::call_time::Now;
use crate::segment::owner::Owners;
use crate::store::counters::Removal;

/// A table of at most this many slots, which 20,000 sessions have, is wiped in the call that clears it, within 2 ms.
const CLEAR_AT_ONCE: usize = 32_768;

impl<O: Owners, A: Allocate> Table<'_, O, A> {
    /// Removes the sessions that a key has when the call begins. Returns how many live ones.
    pub(crate) fn remove<N: Now>(&self, hash: Hash, now: Moment<N>) -> usize {
        let last = self.marks.sequence();
        self.remove_where(hash, now, |seen| seen.record.sequence <= last)
    }

    /// Removes one session of a key. Returns false if it is not there any more.
    pub(crate) fn remove_entry<N: Now>(&self, hash: Hash, entry: EntryId, now: Moment<N>) -> bool {
        self.remove_where(hash, now, |seen| seen.record.sequence == entry.to_bits()) > 0
    }

    fn remove_where<N: Now>(
        &self,
        hash: Hash,
        now: Moment<N>,
        is_meant: impl Fn(&Seen) -> bool,
    ) -> usize {
        let mut removed = 0;
        // A session that moves during a scan is one that another call stores now.
        let mut conflicts = 0;
        loop {
            let mut has_failed = false;
            self.scan(hash, |seen| {
                let is_current = self.is_current(&seen, now);
                if is_current && !is_meant(&seen) {
                    return;
                }
                if self.remove_seen(&seen, Removal::Deleted, now) {
                    removed += usize::from(is_current);
                } else {
                    has_failed = true;
                }
            });
            conflicts += 1;
            if !has_failed || conflicts == MAX_CONFLICTS {
                return removed;
            }
        }
    }

    /// Removes all sessions that are stored when the call begins, at once for all processes. Wipes them, if the table is small.
    /// Returns false if it is not: then they are to be wiped by [`wipe_cleared`](Self::wipe_cleared).
    pub(crate) fn clear(&self) -> bool {
        self.marks.clear();
        let is_small = self.part.len() <= CLEAR_AT_ONCE;
        if is_small {
            self.wipe_cleared(0, CLEAR_AT_ONCE);
        }
        is_small
    }

    /// Wipes what a clear has removed, among some slots from `from` on. Returns where the next step begins.
    pub(crate) fn wipe_cleared(&self, from: usize, slots: usize) -> Option<usize> {
        let watermark = self.watermark();
        let to = self.part.len().min(from.saturating_add(slots));
        for index in from..to {
            // A busy slot is wiped by the next sweep.
            if let Ok(Some(seen)) = self.snapshot(index, None)
                && seen.record.sequence <= watermark
                && self.claim_live(&seen).map(drop).is_some()
            {
                self.count_gone(Removal::Cleared);
            }
        }
        (to < self.part.len()).then_some(to)
    }

    /// Removes a session, if the slot is as it was seen.
    pub(super) fn remove_seen<N: Now>(&self, seen: &Seen, why: Removal, now: Moment<N>) -> bool {
        let why = self.reason(seen, why, now);
        let is_removed = self.claim_live(seen).map(drop).is_some();
        if is_removed {
            self.count_gone(why);
        }
        is_removed
    }

    /// Removes the session of a slot that was seen live, also if an offer changed its flags in between.
    pub(super) fn remove_changed<N: Now>(&self, seen: &Seen, why: Removal, now: Moment<N>) -> bool {
        let mut seen = *seen;
        for _ in 0..MAX_CONFLICTS {
            if self.remove_seen(&seen, why, now) {
                return true;
            }
            let state = self.state(seen.index);
            if state.phase() != Phase::Live || !state.is_same_session(seen.state) {
                return false;
            }
            seen.state = state;
        }
        false
    }
}
