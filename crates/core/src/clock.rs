use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Where a cache gets the time from.
///
/// A cache reads it at the beginning of a call, [roughly](Self::rough) and then exactly where that decides something. It
/// holds nothing meanwhile, so a clock may itself use the cache. The background sweep reads it too, from a thread of its
/// own.
pub trait Clock: Send + Sync {
    /// Whole milliseconds since an origin of the clock's choosing.
    ///
    /// Must never run backwards, in whatever thread it is read. If it does, nothing breaks, but entries live
    /// longer than they were meant to by as much.
    fn now(&self) -> u64;

    /// The same, as it was less than a second ago, if that is cheaper to tell. Never later than what `now` says.
    fn coarse(&self) -> u64 {
        self.now()
    }
}

/// The system's monotonic clock, counted from when this value was made.
///
/// It does not follow changes of the wall clock. On Linux and macOS it also stands still while the machine is
/// suspended, so an entry may outlive its lifetime by the length of a suspension; the peer then refuses it.
///
/// Times are rounded down, on storing as on reading, so an entry never lives longer than its lifetime. It may live a
/// millisecond shorter, and one with 10 seconds or more by a tick of Linux' coarse clock, which is 10 ms at most.
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
    /// A clock that starts at 0 now.
    #[must_use]
    pub fn new() -> Self {
        Self { origin: system::now() }
    }
}

impl Default for SystemClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for SystemClock {
    fn now(&self) -> u64 {
        system::millis(self.origin, system::now())
    }

    fn coarse(&self) -> u64 {
        system::millis(self.origin, system::coarse())
    }
}

/// Linux tells the time of the last timer interrupt for a fifth of what the exact time costs.
#[cfg(target_os = "linux")]
#[allow(unsafe_code)]
mod system {
    use std::mem::MaybeUninit;

    /// Nanoseconds.
    pub(super) type Time = u64;

    pub(super) fn now() -> Time {
        read(libc::CLOCK_MONOTONIC)
    }

    /// Of the same clock.
    pub(super) fn coarse() -> Time {
        read(libc::CLOCK_MONOTONIC_COARSE)
    }

    pub(super) fn millis(from: Time, to: Time) -> u64 {
        to.saturating_sub(from) / 1_000_000
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
        assert_eq!(status, 0, "Linux has both clocks");
        // SAFETY: it succeeded, so the answer is there.
        let time = unsafe { time.assume_init() };
        i64::from(time.tv_sec) as u64 * 1_000_000_000 + i64::from(time.tv_nsec) as u64
    }
}

#[cfg(not(target_os = "linux"))]
mod system {
    pub(super) use std::time::Instant as Time;

    pub(super) fn now() -> Time {
        Time::now()
    }

    pub(super) fn coarse() -> Time {
        now()
    }

    pub(super) fn millis(from: Time, to: Time) -> u64 {
        super::whole_millis(to.saturating_duration_since(from))
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
