use std::sync::{Arc, Mutex, MutexGuard};

use crate::store::Store;
use crate::{Clock, Options};

/// How many entries a sweep removes before it lets others have the lock.
const SWEEP_STEP: usize = 256;

/// What is behind a cache, and what the sweeping thread reaches through a `Weak`, so that it keeps no cache alive.
pub(crate) struct Shared {
    options: Options,
    clock: Arc<dyn Clock>,
    store: Mutex<Store>,
}

/// What one step of a sweep did.
pub(crate) struct SweepStep {
    pub(crate) removed: usize,
    pub(crate) done: bool,
}

impl Shared {
    pub(crate) fn new(options: Options, clock: Arc<dyn Clock>) -> Self {
        Self { options, clock, store: Mutex::new(Store::new(options)) }
    }

    pub(crate) fn options(&self) -> &Options {
        &self.options
    }

    pub(crate) fn clock(&self) -> &dyn Clock {
        &*self.clock
    }

    /// Removes a bounded number of the entries that had expired at `now`.
    pub(crate) fn sweep_step(&self, now: u64) -> SweepStep {
        let removed = self.store().sweep_step(SWEEP_STEP, now);
        SweepStep { removed, done: removed < SWEEP_STEP }
    }

    /// Reads the clock before it takes the lock: a clock is the caller's code and may come back to the cache.
    pub(crate) fn locked<R>(&self, operation: impl FnOnce(&mut Store, u64) -> R) -> R {
        let now = self.clock.now();
        operation(&mut self.store(), now)
    }

    /// The lock is poisoned only by a panic in the store itself, which may have left its indexes out of step.
    /// An empty store is in step, and forgetting is always correct.
    pub(crate) fn store(&self) -> MutexGuard<'_, Store> {
        self.store.lock().unwrap_or_else(|poisoned| {
            let mut store = poisoned.into_inner();
            *store = Store::new(self.options);
            self.store.clear_poison();
            store
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{EntryOptions, Key, SystemClock};

    #[test]
    fn a_panic_under_the_lock_leaves_an_empty_store_that_works() {
        let shared = Shared::new(Options::default(), Arc::new(SystemClock::new()));
        let key = Key::new(b"peer").unwrap();
        let put =
            || shared.locked(|store, now| store.put(key, b"session", EntryOptions::default(), now));
        put().unwrap();

        std::thread::scope(|scope| {
            let panics = || {
                let _held = shared.store();
                std::panic::resume_unwind(Box::new("planned"));
            };
            scope.spawn(panics).join().unwrap_err();
        });

        assert!(shared.store.is_poisoned());
        assert_eq!(shared.store().len(), 0);
        put().unwrap();
        assert_eq!(shared.store().len(), 1);
        assert!(!shared.store.is_poisoned());
    }
}
