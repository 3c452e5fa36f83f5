//! The atomics of the standard library. In tests: atomics at which a thread can be stopped, or those of the model checker.

#[cfg(not(any(loom, test)))]
pub(super) use std::{
    hint::spin_loop,
    sync::atomic::{AtomicU32, AtomicU64, Ordering, fence},
    thread::yield_now,
};

#[cfg(all(test, not(loom)))]
pub(super) use super::tests::preemption::scheduler::{
    AtomicU32, AtomicU64, Ordering, fence, spin_loop, yield_now,
};

#[cfg(loom)]
pub(super) use loom::{
    hint::spin_loop,
    sync::atomic::{AtomicU32, AtomicU64, Ordering, fence},
    thread::yield_now,
};

/// How many conflicts a call meets before it yields the processor.
const SPINS: u32 = 16;

/// Pauses after a conflict with another thread, which made progress.
pub(super) fn back_off(conflicts: u32) {
    if conflicts < SPINS {
        spin_loop();
    } else {
        yield_now();
    }
}
