//! One background thread that sweeps the caches of the process.
//!
//! It runs while there is a cache to sweep and sleeps until the next one is due. It holds caches weakly, and its
//! own lock never while it sweeps, so neither using nor dropping a cache ever waits for it longer than for one
//! step of a sweep.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, Weak};
use std::thread;
use std::time::{Duration, Instant};

use crate::SweepInterval;
use crate::cache::CacheInner;

/// At most 15 bytes, which is what Linux shows of a thread's name.
const THREAD_NAME: &str = "session-sweeper";

static REGISTRY: Mutex<Registry> = Mutex::new(Registry { caches: Vec::new(), thread_runs: false });

/// Signalled when the roster changes, since the next cache may be due earlier, or the thread no longer needed.
static CHANGED: Condvar = Condvar::new();

struct Registry {
    caches: Vec<Registration>,
    /// Changes under the lock alone, so a thread that ends and a cache that comes do not miss each other.
    thread_runs: bool,
}

struct Registration {
    cache: Weak<CacheInner>,
    interval: Duration,
    due: Instant,
}

/// Has a cache swept from now on. Where the system refuses a thread, the next cache tries again.
pub(crate) fn register(cache: &Arc<CacheInner>, interval: SweepInterval) {
    let interval = interval.as_duration();
    let mut registry = registry();
    registry.caches.push(Registration {
        cache: Arc::downgrade(cache),
        interval,
        due: Instant::now() + interval,
    });
    if !registry.thread_runs {
        let spawned = thread::Builder::new().name(THREAD_NAME.into()).spawn(run);
        registry.thread_runs = spawned.is_ok();
    }
    drop(registry);
    CHANGED.notify_all();
}

/// Ends what [`register`] began.
pub(crate) fn unregister(cache: &Arc<CacheInner>) {
    let leaving = Arc::as_ptr(cache);
    registry().caches.retain(|registration| registration.cache.as_ptr() != leaving);
    CHANGED.notify_all();
}

fn run() {
    while let Some(cache) = next_due() {
        // A clock is the caller's code. What it does wrong must not cost the other caches their sweeps.
        let _ = catch_unwind(AssertUnwindSafe(|| sweep(&cache)));
    }
}

/// Sleeps until a cache is due. `None` once there are no caches left.
fn next_due() -> Option<Weak<CacheInner>> {
    let mut registry = registry();
    loop {
        let Some(first) = registry.caches.iter_mut().min_by_key(|registration| registration.due)
        else {
            registry.thread_runs = false;
            return None;
        };
        let now = Instant::now();
        let rest = first.due.saturating_duration_since(now);
        if rest.is_zero() {
            first.due = now + first.interval;
            return Some(Weak::clone(&first.cache));
        }
        registry = CHANGED.wait_timeout(registry, rest).unwrap_or_else(PoisonError::into_inner).0;
    }
}

/// Takes hold of the cache anew for each step, so that it can go in between.
fn sweep(cache: &Weak<CacheInner>) {
    let Some(now) = cache.upgrade().map(|cache| cache.clock().now()) else {
        return;
    };
    let mut from = 0;
    while let Some(cache) = cache.upgrade() {
        let (_, next) = cache.store().sweep_step(from, now);
        let Some(next) = next else {
            return;
        };
        from = next;
        drop(cache);
        thread::yield_now();
    }
}

/// Nothing that runs under this lock can leave the roster half changed.
fn registry() -> MutexGuard<'static, Registry> {
    REGISTRY.lock().unwrap_or_else(PoisonError::into_inner)
}
