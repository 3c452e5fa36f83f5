//! The atomics of the system, in tests those at which a thread can be stopped, or those of the model checker.

#[cfg(not(any(loom, test)))]
pub(super) use std::{
    hint::spin_loop,
    sync::atomic::{AtomicU32, AtomicU64, Ordering, fence},
};

#[cfg(all(test, not(loom)))]
pub(super) use super::tests::preemption::scheduler::{
    AtomicU32, AtomicU64, Ordering, fence, spin_loop,
};

#[cfg(loom)]
pub(super) use loom::{
    hint::spin_loop,
    sync::atomic::{AtomicU32, AtomicU64, Ordering, fence},
};
