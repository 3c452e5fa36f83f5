//! The time of a call: by two clocks, because sessions outlive processes.

use super::state::{NO_BOOT_TIME, Record};
use crate::Ttl;
use crate::call_time::Now;

/// A session that was stored this much later than now, in milliseconds, was stored before a clock was set back.
const MAX_AHEAD: u64 = 60_000;

/// The time of a call.
#[derive(Clone, Copy)]
pub(crate) struct Moment<N> {
    /// `CLOCK_BOOTTIME`, which cannot be set.
    pub(crate) now: N,
    /// False if `CLOCK_BOOTTIME` has another origin in this process than in the process that made the file.
    pub(crate) shares_boot_time: bool,
    /// The wall clock, in milliseconds since 1970.
    pub(crate) wall: u64,
    /// `now` for stamps: up to a second less.
    pub(crate) coarse: u64,
}

impl<N: Now> Moment<N> {
    /// True if a session has not expired, by either clock.
    pub(super) fn is_within(self, record: &Record) -> bool {
        let &Record { wall, boot, lifetime, .. } = record;
        if wall + lifetime <= self.wall || wall > self.wall + MAX_AHEAD {
            return false;
        }
        !self.shares_boot_time
            || boot == NO_BOOT_TIME
            || !self.now.has_come(boot + lifetime)
                && self.now.has_come(boot.saturating_sub(MAX_AHEAD))
    }

    /// Returns when a session is stored that is stored now, for the record. It is never too late.
    pub(super) fn stored_at(self, lifetime: Ttl) -> u64 {
        if self.shares_boot_time {
            self.now.end_of(lifetime).saturating_sub(lifetime.as_millis())
        } else {
            NO_BOOT_TIME
        }
    }
}
