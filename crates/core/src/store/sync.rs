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

/// Makes a sequentially consistent fence behind an exchange, whether that succeeded or not.
#[inline]
pub(super) fn fence_after_exchange() {
    // On x86-64 every exchange is such a fence for the processor, so only the compiler has to keep the order.
    #[cfg(all(target_arch = "x86_64", not(any(loom, miri, test, portable_words))))]
    std::sync::atomic::compiler_fence(Ordering::SeqCst);
    #[cfg(not(all(target_arch = "x86_64", not(any(loom, miri, test, portable_words)))))]
    fence(Ordering::SeqCst);
}
