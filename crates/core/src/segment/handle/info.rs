use std::time::Duration;

use crate::{Capacity, MaxSession};

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
}
