//! One background thread for all caches of the process.
//!
//! It sweeps caches when they are due, wipes what a `clear` of a large cache left, and wipes large caches whose last handle
//! was dropped. It runs while there is such a cache or such work. It never holds the lock while it works, and holds a
//! cache that is in use only for one step at a time.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, Weak};
use std::thread;
use std::time::{Duration, Instant};

use crate::SweepInterval;
use crate::cache::CacheInner;

/// At most 15 bytes, because Linux shows no more of a thread's name.
const THREAD_NAME: &str = "session-sweeper";

static REGISTRY: Mutex<Registry> = Mutex::new(Registry {
    caches: Vec::new(),
    draining: Vec::new(),
    retired: Vec::new(),
    wiping: 0,
    thread_runs: false,
});

/// Notified when there is work, and when the next cache may be due earlier.
static CHANGED: Condvar = Condvar::new();

/// Notified when a retired cache has been wiped.
static WIPED: Condvar = Condvar::new();

struct Registry {
    caches: Vec<Registration>,
    /// Caches that have entries of earlier clear generations.
    draining: Vec<Weak<CacheInner>>,
    /// Caches without a handle.
    retired: Vec<Arc<CacheInner>>,
    /// How many retired caches are being wiped.
    wiping: usize,
    /// Changes only under the lock, so that a thread that ends and a cache that registers do not miss each other.
    thread_runs: bool,
}

struct Registration {
    cache: Weak<CacheInner>,
    interval: Duration,
    due: Instant,
}

enum Job {
    Wipe(Arc<CacheInner>),
    Drain(Weak<CacheInner>),
    Sweep(Weak<CacheInner>),
}

/// Has a cache swept from now on. If the system refuses a thread, the next cache tries again.
pub(crate) fn register(cache: &Arc<CacheInner>, interval: SweepInterval) {
    let interval = Duration::from(interval);
    let mut registry = registry();
    registry.caches.push(Registration {
        cache: Arc::downgrade(cache),
        interval,
        due: Instant::now() + interval,
    });
    registry.start_thread();
    drop(registry);
    CHANGED.notify_all();
}

/// Ends what [`register`] began.
pub(crate) fn unregister(cache: &Arc<CacheInner>) {
    let leaving = Arc::as_ptr(cache);
    registry().caches.retain(|registration| registration.cache.as_ptr() != leaving);
    CHANGED.notify_all();
}

/// Has the dead entries of a cache wiped. Returns false if there is no thread for it.
pub(crate) fn drain(cache: &Arc<CacheInner>) -> bool {
    let mut registry = registry();
    if !registry.start_thread() {
        return false;
    }
    registry.draining.push(Arc::downgrade(cache));
    drop(registry);
    CHANGED.notify_all();
    true
}

/// Has a cache without a handle wiped and dropped. Returns false if there is no thread for it.
pub(crate) fn retire(cache: &Arc<CacheInner>) -> bool {
    let mut registry = registry();
    if !registry.start_thread() {
        return false;
    }
    registry.retired.push(Arc::clone(cache));
    drop(registry);
    CHANGED.notify_all();
    true
}

/// Waits until all caches whose last handle was dropped are wiped. Returns false if that takes longer than `limit`.
///
/// For the end of a process: wiping a large cache takes a background thread some milliseconds. Memory that is not wiped
/// by then is given back to the system as it is.
///
/// ```
/// use std::time::Duration;
/// use tls_resumption_core::{Cache, wait_until_wiped};
///
/// drop(Cache::default());
/// assert!(wait_until_wiped(Duration::from_secs(1)));
/// ```
#[must_use = "false if memory is not wiped yet"]
pub fn wait_until_wiped(limit: Duration) -> bool {
    let wait = WIPED.wait_timeout_while(registry(), limit, |registry| {
        !registry.retired.is_empty() || registry.wiping > 0
    });
    let (_registry, result) = wait.unwrap_or_else(PoisonError::into_inner);
    !result.timed_out()
}

impl Registry {
    /// Returns whether a thread runs.
    fn start_thread(&mut self) -> bool {
        if !self.thread_runs {
            let spawned = thread::Builder::new().name(THREAD_NAME.into()).spawn(run);
            self.thread_runs = spawned.is_ok();
        }
        self.thread_runs
    }
}

fn run() {
    while let Some(job) = next_job() {
        // A clock is the caller's code. Its panic must not cost other caches their sweeps.
        let _ = catch_unwind(AssertUnwindSafe(|| match job {
            Job::Sweep(cache) => sweep(&cache),
            Job::Drain(cache) => finish_drain(&cache),
            Job::Wipe(cache) => {
                let _wiped = Wiped;
                cache.store().wipe();
                drop(cache);
            }
        }));
    }
}

/// Counts a retired cache as wiped when it is dropped.
struct Wiped;

impl Drop for Wiped {
    fn drop(&mut self) {
        registry().wiping -= 1;
        WIPED.notify_all();
    }
}

/// Sleeps until there is a job. Returns `None` when there is no cache and no job left.
fn next_job() -> Option<Job> {
    let mut registry = registry();
    loop {
        if let Some(cache) = registry.retired.pop() {
            registry.wiping += 1;
            return Some(Job::Wipe(cache));
        }
        if let Some(cache) = registry.draining.pop() {
            return Some(Job::Drain(cache));
        }
        let Some(first) = registry.caches.iter_mut().min_by_key(|registration| registration.due)
        else {
            registry.thread_runs = false;
            return None;
        };
        let now = Instant::now();
        let rest = first.due.saturating_duration_since(now);
        if rest.is_zero() {
            first.due = now + first.interval;
            return Some(Job::Sweep(Weak::clone(&first.cache)));
        }
        registry = CHANGED.wait_timeout(registry, rest).unwrap_or_else(PoisonError::into_inner).0;
    }
}

/// Upgrades the cache again for each step, so that it can be dropped in between.
fn sweep(cache: &Weak<CacheInner>) {
    let Some(now) = cache.upgrade().and_then(|cache| {
        let now = cache.exact_millis();
        cache.store().claims_sweep(now).then_some(now)
    }) else {
        return;
    };
    let (mut from, mut swept) = (0, 0);
    while let Some(cache) = cache.upgrade() {
        let (removed, next) = cache.store().sweep_step(from, now);
        swept += removed;
        let Some(next) = next else {
            if swept >= TRIM_AFTER {
                cache.store().trim();
            }
            return;
        };
        from = next;
        drop(cache);
        thread::yield_now();
    }
}

/// After how many expired entries a sweep gives memory back.
const TRIM_AFTER: usize = 4096;

/// As [`sweep`].
fn finish_drain(cache: &Weak<CacheInner>) {
    let mut drain = cache.upgrade().and_then(|cache| cache.store().drain());
    while let Some(step) = drain
        && let Some(cache) = cache.upgrade()
    {
        drain = cache.store().drain_step(step);
        if drain.is_none() {
            cache.store().trim();
        }
        drop(cache);
        thread::yield_now();
    }
}

/// No code that runs under this lock can leave the registry half changed.
fn registry() -> MutexGuard<'static, Registry> {
    REGISTRY.lock().unwrap_or_else(PoisonError::into_inner)
}
