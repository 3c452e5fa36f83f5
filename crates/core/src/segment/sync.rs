//! The atomics of the segment. In tests: atomics at which a call can be stopped, or those of the model checker.

#[cfg(not(any(loom, test)))]
pub(crate) use std::sync::atomic::{AtomicU64, Ordering, fence};

#[cfg(all(test, not(loom)))]
pub(crate) use super::stepping::{AtomicU64, Ordering, fence};

#[cfg(loom)]
pub(crate) use loom::sync::atomic::{AtomicU64, Ordering, fence};
