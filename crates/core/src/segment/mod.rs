//! The segment: a cache in files on tmpfs that all processes of a user share, kept across their restarts.
//!
//! A process may be killed between any two steps. So the unit of damage is one slot, the kernel reports the death of a
//! process by a lock, and the next caller recovers the slot. `docs/internals/segment.md` explains the algorithm.

pub(crate) mod checksum;
pub(crate) mod control;
mod error;
#[cfg(all(target_os = "linux", target_pointer_width = "64", not(any(loom, miri))))]
pub(crate) mod files;
pub(crate) mod handle;
pub(crate) mod layout;
#[cfg(not(all(target_os = "linux", target_pointer_width = "64", not(any(loom, miri)))))]
mod no_shared_ring;
mod options;
pub(crate) mod owner;
#[cfg(all(target_os = "linux", target_pointer_width = "64", not(any(loom, miri))))]
mod shared_ring;
#[cfg(all(test, not(loom)))]
pub(crate) mod stepping;
pub(crate) mod sync;
pub(crate) mod table;

pub use error::{SegmentError, SegmentErrorKind};
pub use handle::{RingInfo, Segment, SegmentInfo, SessionAges};
#[cfg(not(all(target_os = "linux", target_pointer_width = "64", not(any(loom, miri)))))]
pub use no_shared_ring::SharedKeyRing;
pub use options::{MaxSession, SegmentKind, SegmentOptions};
#[cfg(all(target_os = "linux", target_pointer_width = "64", not(any(loom, miri))))]
pub use shared_ring::SharedKeyRing;
