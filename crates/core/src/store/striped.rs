//! Words that several threads change, one copy for each group of threads, so that they seldom share a cache line.

/// The number of copies.
#[cfg(not(loom))]
pub(crate) const STRIPES: usize = 8;
#[cfg(loom)]
pub(crate) const STRIPES: usize = 1;

/// Occupies a pair of cache lines, because processors fetch two at a time.
#[repr(align(128))]
#[derive(Default)]
pub(crate) struct CachePadded<T>(pub(crate) T);

#[cfg(not(loom))]
mod imp {
    use std::cell::Cell;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::STRIPES;

    static THREADS: AtomicUsize = AtomicUsize::new(0);

    // Constant and without a destructor, so that a thread has nothing to run when it ends.
    thread_local! {
        static STRIPE: Cell<usize> = const { Cell::new(usize::MAX) };
        static RANDOM: Cell<u64> = const { Cell::new(0) };
    }

    /// Returns the stripe of the calling thread.
    pub(crate) fn stripe() -> usize {
        STRIPE.with(|stripe| {
            if stripe.get() == usize::MAX {
                // Relaxed: a number only, it publishes nothing.
                stripe.set(THREADS.fetch_add(1, Ordering::Relaxed) % STRIPES);
            }
            stripe.get()
        })
    }

    /// Returns a number that is random enough for sampling (`SplitMix64`).
    pub(in super::super) fn random() -> u64 {
        RANDOM.with(|random| {
            let mut seed = random.get();
            if seed == 0 {
                seed = (stripe() as u64 + 1) << 56;
            }
            seed = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
            random.set(seed);
            let mixed = (seed ^ seed >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
            mixed ^ mixed >> 31
        })
    }
}

#[cfg(loom)]
mod imp {
    pub(crate) fn stripe() -> usize {
        0
    }

    pub(in super::super) fn random() -> u64 {
        0
    }
}

pub(super) use imp::random;
pub(crate) use imp::stripe;
