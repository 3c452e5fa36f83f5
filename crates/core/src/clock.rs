use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// Where a cache gets the time from.
///
/// A cache reads it once, at the beginning of a call and before it takes its lock, so a clock may itself use the
/// cache. The background sweep reads it too, from a thread of its own.
pub trait Clock: Send + Sync {
    /// Whole milliseconds since an origin of the clock's choosing.
    ///
    /// Must never run backwards, in whatever thread it is read. If it does, nothing breaks, but entries live
    /// longer than they were meant to by as much.
    fn now(&self) -> u64;
}

/// The system's monotonic clock, counted from when this value was made.
///
/// It does not follow changes of the wall clock. On Linux and macOS it also stands still while the machine is
/// suspended, so an entry may outlive its lifetime by the length of a suspension; the peer then refuses it.
///
/// ```
/// use tls_resumption_core::{Clock, SystemClock};
///
/// let clock = SystemClock::new();
/// let before = clock.now();
/// assert!(clock.now() >= before);
/// ```
#[derive(Debug, Clone, Copy)]
pub struct SystemClock {
    origin: Instant,
}

impl SystemClock {
    /// A clock that starts at 0 now.
    #[must_use]
    pub fn new() -> Self {
        Self { origin: Instant::now() }
    }
}

impl Default for SystemClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for SystemClock {
    /// Rounded down, on storing as on reading, so an entry never lives longer than its lifetime and at most a
    /// millisecond shorter.
    fn now(&self) -> u64 {
        whole_millis(self.origin.elapsed())
    }
}

/// A clock that moves only when told to, for tests.
///
/// ```
/// use std::{sync::Arc, time::Duration};
/// use tls_resumption_core::{Cache, EntryOptions, Key, ManualClock, Ttl};
///
/// let clock = Arc::new(ManualClock::new());
/// let cache = Cache::builder().ttl(Ttl::from_millis(10).unwrap()).clock(clock.clone()).build();
/// let key = Key::new(b"peer").unwrap();
/// cache.put(key, b"session", EntryOptions::default()).unwrap();
///
/// clock.advance(Duration::from_millis(9));
/// assert!(cache.contains(key));
/// clock.advance(Duration::from_millis(1));
/// assert!(!cache.contains(key));
/// ```
#[derive(Debug, Default)]
pub struct ManualClock {
    millis: AtomicU64,
}

impl ManualClock {
    /// A clock that stands at 0.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Moves forward by the whole milliseconds of `by`; at the end of its range it stops.
    pub fn advance(&self, by: Duration) {
        let by = whole_millis(by);
        let mut now = self.millis.load(Ordering::SeqCst);
        while let Err(moved) = self.millis.compare_exchange(
            now,
            now.saturating_add(by),
            Ordering::SeqCst,
            Ordering::SeqCst,
        ) {
            now = moved;
        }
    }
}

impl Clock for ManualClock {
    fn now(&self) -> u64 {
        self.millis.load(Ordering::SeqCst)
    }
}

fn whole_millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
