use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// The clock of a cache.
///
/// A cache reads it at the beginning of a call: first the [coarse](Self::coarse) time, and the exact time only if that
/// decides something. It holds no lock then, so a clock may use the cache. The background thread reads it as well.
pub trait Clock: Send + Sync {
    /// Returns the time since an origin that the clock chooses. The cache uses whole milliseconds of it.
    ///
    /// It must never run backwards, in any thread. If it does, entries live longer by as much, and nothing else
    /// breaks.
    fn now(&self) -> Duration;

    /// Returns a time that is less than a second behind [`now`](Self::now) and never ahead, if that is cheaper.
    fn coarse(&self) -> Duration {
        self.now()
    }
}

/// The monotonic clock of the system, counted from when this value was made.
///
/// It does not follow changes of the wall clock. On Linux and Windows it includes the time that the machine was
/// suspended. On Linux some calls notice a suspension up to half a second late. On macOS it stops during a suspension.
///
/// Times are rounded down, when storing and when reading, so no entry outlives its lifetime. It may live a millisecond
/// shorter. An entry of 10 seconds or more may live shorter by a tick of the coarse clock of Linux, which is at most
/// 10 ms.
///
/// ```
/// use tls_resumption_core::{Clock, SystemClock};
///
/// let clock = SystemClock::new();
/// let before = clock.now();
/// assert!(clock.now() >= before);
/// assert!(clock.coarse() <= clock.now());
/// ```
#[derive(Debug, Clone, Copy)]
pub struct SystemClock {
    origin: system::Time,
}

impl SystemClock {
    /// Makes a clock that starts at 0 now.
    #[must_use]
    pub fn new() -> Self {
        Self { origin: system::now() }
    }

    /// Makes a clock that counts from the start of the machine, so that all of its processes agree.
    #[cfg(all(target_os = "linux", target_pointer_width = "64", not(any(loom, miri))))]
    pub(crate) const fn since_boot() -> Self {
        Self { origin: 0 }
    }
}

impl Default for SystemClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for SystemClock {
    fn now(&self) -> Duration {
        system::between(self.origin, system::now())
    }

    fn coarse(&self) -> Duration {
        system::between(self.origin, system::coarse())
    }
}

/// `CLOCK_BOOTTIME` includes suspensions, and costs about 30 ns. It has no coarse form. So the coarse time is that of
/// the last timer interrupt, for a fifth of the cost, and the time suspended so far as it was known a little earlier.
#[cfg(target_os = "linux")]
#[allow(unsafe_code)]
mod system {
    use std::mem::MaybeUninit;
    use std::sync::atomic::{AtomicU64, Ordering};
    use std::time::Duration;

    /// Nanoseconds.
    pub(super) type Time = u64;

    /// How old the known time of suspensions may be.
    const MAX_AGE: Time = 500_000_000;

    /// The time that the machine has been suspended, and the coarse time at which that was read.
    static SUSPENDED: AtomicU64 = AtomicU64::new(0);
    static READ_AT: AtomicU64 = AtomicU64::new(0);

    pub(super) fn now() -> Time {
        read(libc::CLOCK_BOOTTIME)
    }

    pub(super) fn coarse() -> Time {
        let coarse = read(libc::CLOCK_MONOTONIC_COARSE);
        // Relaxed, here and below: numbers only. If two threads read both clocks, either result is right.
        if coarse.wrapping_sub(READ_AT.load(Ordering::Relaxed)) > MAX_AGE {
            // In this order the difference is too small rather than too large, so that the result is never ahead.
            let boot = read(libc::CLOCK_BOOTTIME);
            let suspended = boot.saturating_sub(read(libc::CLOCK_MONOTONIC));
            SUSPENDED.fetch_max(suspended, Ordering::Relaxed);
            READ_AT.store(coarse, Ordering::Relaxed);
        }
        coarse + SUSPENDED.load(Ordering::Relaxed)
    }

    #[cfg(all(target_os = "linux", target_pointer_width = "64", not(any(loom, miri))))]
    pub(super) fn wall(is_coarse: bool) -> Time {
        read(if is_coarse { libc::CLOCK_REALTIME_COARSE } else { libc::CLOCK_REALTIME })
    }

    pub(super) fn between(from: Time, to: Time) -> Duration {
        Duration::from_nanos(to.saturating_sub(from))
    }

    #[allow(
        clippy::cast_sign_loss,
        clippy::useless_conversion,
        reason = "times since the start, of 32 or 64 bits"
    )]
    fn read(clock: libc::clockid_t) -> Time {
        let mut time = MaybeUninit::<libc::timespec>::uninit();
        // SAFETY: there is room for the answer.
        let status = unsafe { libc::clock_gettime(clock, time.as_mut_ptr()) };
        assert_eq!(status, 0, "Linux has these clocks");
        // SAFETY: it succeeded, so the answer is there.
        let time = unsafe { time.assume_init() };
        i64::from(time.tv_sec) as u64 * 1_000_000_000 + i64::from(time.tv_nsec) as u64
    }
}

#[cfg(not(target_os = "linux"))]
mod system {
    use std::time::Duration;
    pub(super) use std::time::Instant as Time;

    pub(super) fn now() -> Time {
        Time::now()
    }

    pub(super) fn coarse() -> Time {
        now()
    }

    pub(super) fn between(from: Time, to: Time) -> Duration {
        to.saturating_duration_since(from)
    }
}

/// A clock that tests move by hand.
///
/// ```
/// use std::{sync::Arc, time::Duration};
/// use tls_resumption_core::{Cache, EntryOptions, Key, ManualClock, Ttl};
///
/// let clock = Arc::new(ManualClock::new());
/// let cache = Cache::builder().ttl(Ttl::new(Duration::from_millis(10)).unwrap()).clock(clock.clone()).build();
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
    /// Makes a clock that stands at 0.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Moves forward by the whole milliseconds of `by`. It stops at the end of its range.
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
    fn now(&self) -> Duration {
        Duration::from_millis(self.millis.load(Ordering::SeqCst))
    }
}

/// Rounds down.
/// Returns the wall clock in milliseconds since 1970. The coarse one is up to 10 ms late.
#[cfg(all(target_os = "linux", target_pointer_width = "64", not(any(loom, miri))))]
pub(crate) fn wall_millis(is_coarse: bool) -> u64 {
    system::wall(is_coarse) / 1_000_000
}

pub(crate) fn whole_millis(duration: Duration) -> u64 {
    duration.as_secs().saturating_mul(1000).saturating_add(duration.subsec_millis().into())
}
