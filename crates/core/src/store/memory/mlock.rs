//! Keeps memory that holds secrets out of swap space, as far as the system and a budget of the process permit.
//!
//! Memory is locked in steps as it comes into use. The limit of the system (`RLIMIT_MEMLOCK`) is shared with the rest of
//! the process, so all caches together take a part of it only. A cache that was refused once does not ask again; what it
//! uses beyond stays unlocked.

use std::sync::atomic::AtomicU64 as Number;

use crate::LockedMemory;
use crate::store::sync::{AtomicU64, Ordering};

/// The bytes of a step where pages are small: a multiple of every page size.
pub(crate) const STEP: u64 = 64 << 10;

/// This bit of a limit says that the others are a percentage of the limit of the system.
const IS_PERCENT: u64 = 1 << 63;

const DEFAULT: u64 = IS_PERCENT + 25;

const REFUSED: u64 = u64::MAX;

/// How much memory all caches of the process may lock.
pub(crate) struct Budget {
    limit: Number,
    locked: Number,
}

pub(crate) static PROCESS: Budget = Budget::new();

impl Budget {
    const fn new() -> Self {
        Self { limit: Number::new(DEFAULT), locked: Number::new(0) }
    }

    pub(crate) fn limit_to(&self, limit: LockedMemory) {
        let limit = match limit {
            LockedMemory::Bytes(bytes) => bytes.min(IS_PERCENT - 1),
            LockedMemory::Percent(percent) => IS_PERCENT | u64::from(percent.min(100)),
        };
        // Relaxed, here and below: numbers only.
        self.limit.store(limit, Ordering::Relaxed);
    }

    /// Takes a number of bytes. Returns false if there are not as many left.
    fn take(&self, bytes: u64, system_limit: impl Fn() -> u64) -> bool {
        let limit = match self.limit.load(Ordering::Relaxed) {
            limit if limit & IS_PERCENT == 0 => limit,
            percent => part_of(system_limit(), percent & !IS_PERCENT),
        };
        let has_room = self.locked.fetch_add(bytes, Ordering::Relaxed) + bytes <= limit;
        if !has_room {
            self.give_back(bytes);
        }
        has_room
    }

    fn give_back(&self, bytes: u64) {
        self.locked.fetch_sub(bytes, Ordering::Relaxed);
    }
}

#[expect(clippy::cast_possible_truncation, reason = "at most the limit")]
fn part_of(limit: u64, percent: u64) -> u64 {
    (u128::from(limit) * u128::from(percent) / 100) as u64
}

pub(crate) struct MemoryLock {
    budget: &'static Budget,
    /// The bytes from the start for which a thread has asked, or [`REFUSED`].
    asked: AtomicU64,
    /// The bytes that are locked.
    locked: AtomicU64,
}

impl Default for MemoryLock {
    fn default() -> Self {
        Self::with(&PROCESS)
    }
}

impl Drop for MemoryLock {
    fn drop(&mut self) {
        self.budget.give_back(self.locked());
    }
}

impl MemoryLock {
    fn with(budget: &'static Budget) -> Self {
        Self { budget, asked: AtomicU64::new(0), locked: AtomicU64::new(0) }
    }

    /// Locks the first `used` bytes in equal steps, unless another thread is doing so. `lock` asks the system for a range of
    /// bytes, and `system_limit` for its limit.
    #[allow(
        dead_code,
        reason = "only the mappings of segments, on Linux, are locked from the start on"
    )]
    pub(crate) fn reach(
        &self,
        used: u64,
        lock: impl Fn(u64, u64) -> bool,
        system_limit: impl Fn() -> u64,
    ) {
        self.reach_in_steps(used, |from| from + STEP, lock, system_limit);
    }

    /// Locks as [`reach`](Self::reach) does. `end_of_step` returns where a step ends that begins at a byte.
    pub(crate) fn reach_in_steps(
        &self,
        used: u64,
        end_of_step: impl Fn(u64) -> u64,
        lock: impl Fn(u64, u64) -> bool,
        system_limit: impl Fn() -> u64,
    ) {
        // Relaxed, here and below: numbers only. The system does the locking.
        let mut asked = self.asked.load(Ordering::Relaxed);
        while asked < used {
            let next = end_of_step(asked);
            match self.asked.compare_exchange(asked, next, Ordering::Relaxed, Ordering::Relaxed) {
                Ok(_) if self.lock_step(asked, next, &lock, &system_limit) => asked = next,
                Ok(_) => {
                    self.asked.store(REFUSED, Ordering::Relaxed);
                    return;
                }
                Err(now) => asked = now,
            }
        }
    }

    fn lock_step(
        &self,
        from: u64,
        to: u64,
        lock: impl Fn(u64, u64) -> bool,
        system_limit: impl Fn() -> u64,
    ) -> bool {
        let bytes = to - from;
        if !self.budget.take(bytes, system_limit) {
            return false;
        }
        let is_locked = lock(from, to);
        if is_locked {
            self.locked.fetch_add(bytes, Ordering::Relaxed);
        } else {
            self.budget.give_back(bytes);
        }
        is_locked
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
    fn used_memory_is_locked_in_steps_until_the_system_refuses() {
        static BUDGET: Budget = Budget::new();
        let (lock, asked) = (MemoryLock::with(&BUDGET), RefCell::new(Vec::new()));
        let reach = |used, permitted| {
            let ask = |from, to| {
                asked.borrow_mut().push((from / STEP, to / STEP));
                permitted
            };
            lock.reach(used, ask, || u64::MAX - 1);
            (asked.take(), lock.locked() / STEP)
        };
        assert_eq!(reach(1, true), (vec![(0, 1)], 1));
        assert_eq!(reach(STEP, true), (vec![], 1));
        assert_eq!(reach(3 * STEP + 1, true), (vec![(1, 2), (2, 3), (3, 4)], 4));
        assert_eq!(reach(6 * STEP, false), (vec![(4, 5)], 4));
        assert_eq!(reach(9 * STEP, true), (vec![], 4));
    }

    #[test]
    fn a_step_ends_where_the_caller_says_and_counts_with_its_bytes() {
        static BUDGET: Budget = Budget::new();
        let (lock, asked) = (MemoryLock::with(&BUDGET), RefCell::new(Vec::new()));
        let end_of_step = |from| if from < 2 * STEP { from + STEP } else { from + 32 * STEP };
        let ask = |from, to| {
            asked.borrow_mut().push((from / STEP, to / STEP));
            true
        };
        lock.reach_in_steps(3 * STEP, end_of_step, ask, || 4 * 60 * STEP);
        lock.reach_in_steps(40 * STEP, end_of_step, ask, || 4 * 60 * STEP);
        assert_eq!(asked.take(), [(0, 1), (1, 2), (2, 34)], "the budget has no room for the next");
        assert_eq!(lock.locked(), 34 * STEP);
    }

    #[test]
    fn all_caches_together_lock_a_quarter_of_the_limit_or_what_was_set() {
        static BUDGET: Budget = Budget::new();
        let reach = |lock: &MemoryLock| {
            lock.reach(100 * STEP, |_, _| true, || 40 * STEP);
            lock.locked() / STEP
        };
        let one = MemoryLock::with(&BUDGET);
        one.reach(7 * STEP, |_, _| true, || 40 * STEP);
        let two = MemoryLock::with(&BUDGET);
        assert_eq!(reach(&two), 3);
        drop(one);
        assert_eq!(reach(&MemoryLock::with(&BUDGET)), 7, "a cache gives back what it has locked");
        BUDGET.limit_to(LockedMemory::Bytes(5 * STEP));
        assert_eq!(reach(&MemoryLock::with(&BUDGET)), 2);
        BUDGET.limit_to(LockedMemory::Bytes(0));
        assert_eq!(reach(&MemoryLock::with(&BUDGET)), 0);
        drop(two);
        for (percent, steps) in [(50, 20), (100, 40), (255, 40), (0, 0)] {
            BUDGET.limit_to(LockedMemory::Percent(percent));
            assert_eq!(reach(&MemoryLock::with(&BUDGET)), steps, "{percent} %");
        }
        assert_eq!(part_of(u64::MAX, 100), u64::MAX, "a system without a limit");
    }
}
