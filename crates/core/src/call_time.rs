//! The time of a call. The exact clock is read only if it decides something.

use std::cell::Cell;

use crate::clock::whole_millis;
use crate::{Clock, Ttl};

/// A deadline that is further from the coarse time than this many milliseconds is on the same side of the exact time.
const MARGIN: u64 = 1000;

/// From this lifetime on, the error of a coarse clock is at most a thousandth.
const LONG_LIFETIME: u64 = 10_000;

/// A point in time: a number of milliseconds, or a [`CallTime`].
pub(crate) trait Now: Copy {
    /// True if `then` is not in the future.
    fn has_come(self, then: u64) -> bool;

    /// Returns the end of a lifetime that begins now. It is never too late.
    fn end_of(self, ttl: Ttl) -> u64;
}

impl Now for u64 {
    fn has_come(self, then: u64) -> bool {
        then <= self
    }

    fn end_of(self, ttl: Ttl) -> u64 {
        self.saturating_add(ttl.as_millis())
    }
}

/// The time at which a call began, or a little later.
pub(crate) struct CallTime<'a> {
    clock: &'a dyn Clock,
    coarse: u64,
    /// Read once, so that all decisions of the call agree.
    exact: Cell<Option<u64>>,
}

impl<'a> CallTime<'a> {
    pub(crate) fn now(clock: &'a dyn Clock) -> Self {
        Self { clock, coarse: whole_millis(clock.coarse()), exact: Cell::new(None) }
    }

    /// Returns the time, or up to a second less.
    #[cfg(all(target_os = "linux", target_pointer_width = "64", not(any(loom, miri))))]
    pub(crate) fn coarse(&self) -> u64 {
        self.coarse
    }

    #[cold]
    fn exact(&self) -> u64 {
        let now = self.exact.get().unwrap_or_else(|| whole_millis(self.clock.now()));
        self.exact.set(Some(now));
        now
    }
}

impl Now for &CallTime<'_> {
    fn has_come(self, then: u64) -> bool {
        // The coarse time is never ahead, and behind by less than the margin.
        then <= self.coarse || then - self.coarse < MARGIN && then <= self.exact()
    }

    fn end_of(self, ttl: Ttl) -> u64 {
        let now = if ttl.as_millis() < LONG_LIFETIME { self.exact() } else { self.coarse };
        now.end_of(ttl)
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};
    use std::time::Duration;

    use super::*;

    /// Its exact time is 999 ms ahead of its coarse time. Counts how often the exact time is read.
    #[derive(Default)]
    struct Lagging(AtomicU64);

    impl Clock for Lagging {
        fn now(&self) -> Duration {
            self.0.fetch_add(1, Ordering::Relaxed);
            Duration::from_millis(1999)
        }

        fn coarse(&self) -> Duration {
            Duration::from_secs(1)
        }
    }

    #[test]
    fn the_exact_clock_is_read_once_and_only_near_a_deadline() {
        let clock = Lagging::default();
        let now = &CallTime::now(&clock);
        assert!(now.has_come(0) && now.has_come(1000) && !now.has_come(2000));
        assert_eq!(clock.0.load(Ordering::Relaxed), 0);
        assert!(now.has_come(1001) && now.has_come(1999));
        assert_eq!(clock.0.load(Ordering::Relaxed), 1);
    }

    #[test]
    fn a_lifetime_never_ends_late_and_a_short_one_never_early() {
        let clock = Lagging::default();
        let now = &CallTime::now(&clock);
        let end_of = |millis| now.end_of(Ttl::new(Duration::from_millis(millis)).unwrap());
        assert_eq!((end_of(1), end_of(9_999), end_of(10_000)), (2_000, 11_998, 11_000));
    }
}
