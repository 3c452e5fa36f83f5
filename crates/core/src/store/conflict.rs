//! What a call does when other threads change what it reads: it tries again, a bounded number of times.

use super::sync::{spin_loop, yield_now};

/// How often a call tries again what other threads made fail, before it takes the way that always ends.
#[cfg(not(loom))]
const MAX_CONFLICTS: u32 = 1000;
#[cfg(loom)]
const MAX_CONFLICTS: u32 = 100;

/// How many conflicts a call meets before it yields the processor.
const SPINS: u32 = 16;

/// Other threads changed what a call read, each time that it tried.
#[derive(Debug)]
pub(super) struct Conflict;

/// Tries until there is no conflict, at most [`max_conflicts`] times.
#[expect(clippy::inline_always, reason = "see `Cursor::peek`")]
#[inline(always)]
pub(super) fn retry<T>(mut once: impl FnMut() -> Result<T, Conflict>) -> Result<T, Conflict> {
    for conflicts in 0..max_conflicts() {
        if let Ok(done) = once() {
            return Ok(done);
        }
        back_off(conflicts);
    }
    Err(Conflict)
}

/// Pauses after a conflict with another thread, which made progress.
#[cold]
pub(super) fn back_off(conflicts: u32) {
    if conflicts < SPINS {
        spin_loop();
    } else {
        yield_now();
    }
}

#[cfg(not(all(test, not(loom))))]
pub(super) const fn max_conflicts() -> u32 {
    MAX_CONFLICTS
}

#[cfg(all(test, not(loom)))]
pub(super) use limited::{max_conflicts, with_max_conflicts};

/// Tests make the limit low, so that calls take the ways behind it.
#[cfg(all(test, not(loom)))]
mod limited {
    use std::cell::Cell;

    thread_local! {
        static LIMIT: Cell<u32> = const { Cell::new(super::MAX_CONFLICTS) };
    }

    pub(in super::super) fn max_conflicts() -> u32 {
        LIMIT.get()
    }

    /// Runs `what` with another limit for the calling thread.
    pub(in super::super) fn with_max_conflicts<T>(limit: u32, what: impl FnOnce() -> T) -> T {
        let before = LIMIT.replace(limit);
        let result = what();
        LIMIT.set(before);
        result
    }
}
