use std::time::Duration;

use crate::{Capacity, Keep, KeyInfo, MaxSession, RotateEvery};

/// What a segment holds, and what happened to it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct SegmentInfo {
    /// The number of sessions that was asked for.
    pub max: Capacity,
    /// The bytes of a session at most.
    pub max_session: MaxSession,
    /// True if an offer removes a session that is not reusable.
    pub single_use: bool,
    /// When the file was made: the time since 1970.
    pub created: Duration,
    /// The process IDs of those that have it open, as they are in the namespace of each.
    pub processes: Vec<u32>,
    /// Sessions stored now, including expired ones that no call has met yet.
    pub sessions: u64,
    /// Bytes of the sessions and their records.
    pub session_bytes: u64,
    /// Certificate chains stored now.
    pub chains: u64,
    /// Bytes of the chains.
    pub chain_bytes: u64,
    /// Bytes of memory that the session file takes.
    pub allocated_bytes: u64,
    /// Sessions that this process found damaged, and removed.
    pub damaged: u64,
    /// Insertions of this process that found no room in the file system.
    pub no_space: u64,
    /// Slots that this process recovered, because their process had died while it changed them.
    pub recovered: u64,
    /// Sessions that this process removed, because an offer of them never ended.
    pub poisoned: u64,
    /// How long ago the sessions were stored. `None` without a session.
    pub ages: Option<SessionAges>,
    /// The ring of ticket keys. `None` if no process has opened it.
    pub ring: Option<RingInfo>,
    /// The name of the file system.
    pub file_system: &'static str,
}

/// How long ago the sessions of a segment were stored, by the wall clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SessionAges {
    /// The session that was stored last.
    pub newest: Duration,
    /// The session in the middle.
    pub median: Duration,
    /// The session that was stored first.
    pub oldest: Duration,
}

impl SessionAges {
    /// `stored_at` and `now`: milliseconds since 1970. Returns `None` for no times.
    pub(super) fn new(mut stored_at: Vec<u64>, now: u64) -> Option<Self> {
        let middle = stored_at.len().checked_sub(1)? / 2;
        // Not sorted: there may be millions.
        let (earlier, median, later) = stored_at.select_nth_unstable(middle);
        let oldest = earlier.iter().min().unwrap_or(median);
        let newest = later.iter().max().unwrap_or(median);
        let age = |at: &u64| Duration::from_millis(now.saturating_sub(*at));
        Some(Self { newest: age(newest), median: age(median), oldest: age(oldest) })
    }
}

/// The ring of ticket keys of a segment, without its secrets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RingInfo {
    /// How long a key stays active. `None`: until a process rotates.
    pub rotate_every: Option<RotateEvery>,
    /// How many keys the ring has at most.
    pub keep: Keep,
    /// The keys, the active one first, then the newest.
    pub keys: Vec<KeyInfo>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_are_those_of_the_newest_the_middle_and_the_oldest_session() {
        let ages = SessionAges::new(vec![700, 100, 900, 2000], 1000).unwrap();
        let millis = [ages.newest, ages.median, ages.oldest].map(|age| age.as_millis());
        assert_eq!(millis, [0, 300, 900], "a session of the future has no age");
        assert_eq!(SessionAges::new(vec![], 1000), None);
    }
}
