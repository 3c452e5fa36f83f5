//! The words of the control file that order sessions.

use super::state::MASK_48;
use crate::segment::layout::marks::{NEXT_SWEEP, SEQUENCE, WATERMARK};
use crate::segment::sync::{AtomicU64, Ordering};

/// The sequence counter, the clear watermark and the time of the next sweep.
#[derive(Clone, Copy)]
pub(crate) struct Marks<'a>(pub(crate) &'a [AtomicU64]);

impl Marks<'_> {
    /// Returns the sequence of a new session.
    pub(super) fn next_sequence(self) -> u64 {
        // SeqCst: pairs with `clear`. A session that was stored before a clear begins is at or below its watermark.
        self.0[SEQUENCE].fetch_add(1, Ordering::SeqCst).wrapping_add(1) & MASK_48
    }

    /// Returns the last sequence that was given.
    pub(super) fn sequence(self) -> u64 {
        self.0[SEQUENCE].load(Ordering::SeqCst) & MASK_48
    }

    /// Clears all sessions that have a sequence now.
    pub(super) fn clear(self) {
        self.0[WATERMARK].fetch_max(self.sequence(), Ordering::SeqCst);
    }

    /// Returns the sequence up to which sessions are cleared.
    pub(super) fn watermark(self) -> u64 {
        // Acquire: pairs with `clear`, so that a call behind a clear sees it.
        self.0[WATERMARK].load(Ordering::Acquire)
    }

    /// Claims the sweep that is due. Of all processes one gets it. A time that is further away than an interval is due.
    pub(crate) fn claim_sweep(self, interval: u64, now: u64) -> bool {
        let due = self.0[NEXT_SWEEP].load(Ordering::Relaxed);
        if due > now && due - now <= interval {
            return false;
        }
        // Relaxed: the word only keeps the others from sweeping.
        let next = now.saturating_add(interval);
        self.0[NEXT_SWEEP].compare_exchange(due, next, Ordering::Relaxed, Ordering::Relaxed).is_ok()
    }
}
