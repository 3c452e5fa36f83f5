//! Atomics that count their uses, so that a test can end a call before any of them, as a killed process would.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic;

pub(crate) use std::sync::atomic::Ordering;

thread_local! {
    /// How many steps the thread may make before it is killed.
    static LEFT: Cell<u64> = const { Cell::new(u64::MAX) };
    static IS_KILLED: Cell<bool> = const { Cell::new(false) };
}

/// The payload of the unwinding that stands for the death of a process.
struct Killed;

/// Runs a call and kills it before step number `at`, the first one being 0. Returns its result, or `None` if it was
/// killed. Nothing is cleaned up then: see [`is_killed`].
pub(crate) fn kill_before<R>(at: u64, call: impl FnOnce() -> R) -> Option<R> {
    LEFT.set(at);
    let result = catch_unwind(AssertUnwindSafe(call));
    LEFT.set(u64::MAX);
    IS_KILLED.set(false);
    match result {
        Ok(result) => Some(result),
        Err(payload) if payload.is::<Killed>() => None,
        Err(payload) => resume_unwind(payload),
    }
}

/// True while the thread unwinds because its process was killed. Guards do nothing then.
pub(crate) fn is_killed() -> bool {
    IS_KILLED.get()
}

fn step() {
    let left = LEFT.get();
    if left == 0 && !IS_KILLED.get() {
        IS_KILLED.set(true);
        resume_unwind(Box::new(Killed));
    }
    if left != u64::MAX && left != 0 {
        LEFT.set(left - 1);
    }
}

pub(crate) fn fence(order: Ordering) {
    step();
    atomic::fence(order);
}

/// A word of 64 bits. It has the representation of the integer, as the standard library's has.
#[derive(Debug, Default)]
#[repr(transparent)]
pub(crate) struct AtomicU64(atomic::AtomicU64);

#[allow(dead_code, reason = "some are used by few")]
impl AtomicU64 {
    pub(crate) const fn new(value: u64) -> Self {
        Self(atomic::AtomicU64::new(value))
    }

    pub(crate) fn load(&self, order: Ordering) -> u64 {
        step();
        self.0.load(order)
    }

    pub(crate) fn store(&self, value: u64, order: Ordering) {
        step();
        self.0.store(value, order);
    }

    pub(crate) fn compare_exchange(
        &self,
        old: u64,
        new: u64,
        success: Ordering,
        failure: Ordering,
    ) -> Result<u64, u64> {
        step();
        self.0.compare_exchange(old, new, success, failure)
    }

    pub(crate) fn swap(&self, new: u64, order: Ordering) -> u64 {
        step();
        self.0.swap(new, order)
    }

    pub(crate) fn fetch_add(&self, by: u64, order: Ordering) -> u64 {
        step();
        self.0.fetch_add(by, order)
    }

    pub(crate) fn fetch_max(&self, by: u64, order: Ordering) -> u64 {
        step();
        self.0.fetch_max(by, order)
    }

    pub(crate) fn fetch_or(&self, bits: u64, order: Ordering) -> u64 {
        step();
        self.0.fetch_or(bits, order)
    }

    pub(crate) fn fetch_and(&self, bits: u64, order: Ordering) -> u64 {
        step();
        self.0.fetch_and(bits, order)
    }
}
