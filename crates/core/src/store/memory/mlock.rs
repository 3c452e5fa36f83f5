//! Keeps memory that holds secrets out of swap, as far as the system permits.
//!
//! In steps, since a limit (`RLIMIT_MEMLOCK`) is there to be shared with the rest of the process, and most of what is
//! reserved is never used. Once the system refuses, it is not asked again: what is in use beyond goes unlocked.

use crate::store::sync::{AtomicU64, Ordering};

/// Bytes of a step: a multiple of every page size there is.
pub(crate) const STEP: u64 = 64 << 10;

const REFUSED: u64 = u64::MAX;

#[derive(Default)]
pub(crate) struct MemoryLock {
    /// The bytes from the beginning for which some thread asks or asked, or [`REFUSED`].
    asked: AtomicU64,
    /// The bytes that are locked.
    locked: AtomicU64,
}

impl MemoryLock {
    /// Sees to it that `used` bytes from the beginning are locked, or another thread does just now. `lock` asks the
    /// system for the bytes from the one number to the other.
    pub(crate) fn reach(&self, used: u64, lock: impl Fn(u64, u64) -> bool) {
        // Numbers alone, here and below: what is locked when is the system's. Nothing to pair with.
        let mut asked = self.asked.load(Ordering::Relaxed);
        while asked < used {
            let next = asked + STEP;
            match self.asked.compare_exchange(asked, next, Ordering::Relaxed, Ordering::Relaxed) {
                Ok(_) if lock(asked, next) => {
                    self.locked.fetch_add(STEP, Ordering::Relaxed);
                    asked = next;
                }
                Ok(_) => {
                    self.asked.store(REFUSED, Ordering::Relaxed);
                    return;
                }
                Err(now) => asked = now,
            }
        }
    }

    /// True if all bytes before `end` are locked.
    pub(crate) fn covers(&self, end: u64) -> bool {
        end <= self.locked()
    }

    pub(crate) fn locked(&self) -> u64 {
        self.locked.load(Ordering::Relaxed)
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use std::cell::RefCell;

    use super::*;

    #[test]
    fn what_is_in_use_is_locked_in_steps_until_the_system_refuses() {
        let (memory_lock, asked) = (MemoryLock::default(), RefCell::new(Vec::new()));
        let reach = |used, permitted| {
            memory_lock.reach(used, |from, to| {
                asked.borrow_mut().push((from / STEP, to / STEP));
                permitted
            });
            (asked.take(), memory_lock.locked() / STEP)
        };
        assert_eq!(reach(1, true), (vec![(0, 1)], 1));
        assert_eq!(reach(STEP, true), (vec![], 1));
        assert_eq!(reach(3 * STEP + 1, true), (vec![(1, 2), (2, 3), (3, 4)], 4));
        assert_eq!(reach(6 * STEP, false), (vec![(4, 5)], 4));
        assert_eq!(reach(9 * STEP, true), (vec![], 4));
    }
}
