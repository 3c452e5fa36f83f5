//! Atomics at which a thread can be stopped. Each use is one step.

use std::cell::Cell;
use std::sync::atomic;
use std::sync::mpsc;
use std::thread;

pub(in crate::store) use std::sync::atomic::Ordering;

/// How many steps one call may make while other threads are stopped. A call that waits for another thread makes more.
const MAX_STEPS: u64 = 20_000_000;

thread_local! {
    /// How many steps the thread may make before `WHEN_OVER`.
    static LEFT: Cell<u64> = const { Cell::new(u64::MAX) };
    static WHEN_OVER: Cell<Option<Box<dyn FnOnce()>>> = const { Cell::new(None) };
}

fn step() {
    let left = LEFT.get();
    if left == 0 {
        LEFT.set(u64::MAX);
        if let Some(then) = WHEN_OVER.take() {
            then();
        }
    } else if left != u64::MAX {
        LEFT.set(left - 1);
    }
}

/// Runs `what`, and calls `then` before step number `steps` of it, the first one being 0. Returns whether it had that
/// many steps.
fn before_step<T>(
    steps: u64,
    then: impl FnOnce() + 'static,
    what: impl FnOnce() -> T,
) -> (T, bool) {
    LEFT.set(steps);
    WHEN_OVER.set(Some(Box::new(then)));
    let result = what();
    LEFT.set(u64::MAX);
    (result, WHEN_OVER.take().is_none())
}

/// Stops a thread that runs `stopped` before its step `at`, runs `inside` in the calling thread, and then lets the first
/// continue. Returns the results of both, and `None` for `inside` if the first had fewer steps.
///
/// # Panics
///
/// If `inside` does not end.
pub(in crate::store) fn stop<T: Send, R>(
    at: u64,
    stopped: impl FnOnce() -> T + Send,
    inside: impl FnOnce() -> R,
) -> (T, Option<R>) {
    let (arrive, arrived) = mpsc::channel();
    let (go_on, may_go_on) = mpsc::channel::<()>();
    thread::scope(|scope| {
        let thread = scope.spawn(move || {
            let wait = move || {
                arrive.send(()).expect("the other thread waits for it");
                // The end of the channel suffices, so that it continues when the others panic.
                let _ = may_go_on.recv();
            };
            before_step(at, wait, stopped).0
        });
        let others = arrived.recv().is_ok().then(|| {
            let hangs = || panic!("it waits for a thread that is stopped");
            before_step(MAX_STEPS, hangs, inside).0
        });
        drop(go_on);
        (thread.join().expect("it ends, without a panic"), others)
    })
}

/// Returns how many steps a call makes.
pub(in crate::store) fn steps_of(call: impl FnOnce()) -> u64 {
    const MANY: u64 = u64::MAX - 1;
    LEFT.set(MANY);
    call();
    MANY - LEFT.replace(u64::MAX)
}

/// Counts pauses as steps.
pub(in crate::store) fn spin_loop() {
    step();
}

pub(in crate::store) fn yield_now() {
    step();
}

pub(in crate::store) fn fence(order: Ordering) {
    step();
    atomic::fence(order);
}

macro_rules! stepping {
    ($($name:ident = $integer:ty),*) => {$(
        #[derive(Debug, Default)]
        #[repr(transparent)]
        pub(crate) struct $name(atomic::$name);

        #[allow(dead_code, reason = "the narrow one has fewer uses")]
        impl $name {
            pub(in crate::store) const fn new(value: $integer) -> Self {
                Self(atomic::$name::new(value))
            }

            pub(in crate::store) fn load(&self, order: Ordering) -> $integer {
                step();
                self.0.load(order)
            }

            pub(in crate::store) fn store(&self, value: $integer, order: Ordering) {
                step();
                self.0.store(value, order);
            }

            pub(in crate::store) fn compare_exchange(
                &self,
                old: $integer,
                new: $integer,
                success: Ordering,
                failure: Ordering,
            ) -> Result<$integer, $integer> {
                step();
                self.0.compare_exchange(old, new, success, failure)
            }

            pub(in crate::store) fn compare_exchange_weak(
                &self,
                old: $integer,
                new: $integer,
                success: Ordering,
                failure: Ordering,
            ) -> Result<$integer, $integer> {
                step();
                self.0.compare_exchange_weak(old, new, success, failure)
            }

            pub(in crate::store) fn fetch_add(&self, by: $integer, order: Ordering) -> $integer {
                step();
                self.0.fetch_add(by, order)
            }

            pub(in crate::store) fn fetch_min(&self, by: $integer, order: Ordering) -> $integer {
                step();
                self.0.fetch_min(by, order)
            }

            pub(in crate::store) fn fetch_or(&self, bits: $integer, order: Ordering) -> $integer {
                step();
                self.0.fetch_or(bits, order)
            }

            pub(in crate::store) fn fetch_and(&self, bits: $integer, order: Ordering) -> $integer {
                step();
                self.0.fetch_and(bits, order)
            }

            pub(in crate::store) fn fetch_max(&self, by: $integer, order: Ordering) -> $integer {
                step();
                self.0.fetch_max(by, order)
            }
        }
    )*};
}
stepping!(AtomicU32 = u32, AtomicU64 = u64);
