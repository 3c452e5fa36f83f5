//! How a process uses a segment: it attaches to the files, follows their path, and gives out caches.

#[cfg(all(target_os = "linux", target_pointer_width = "64", not(any(loom, miri))))]
mod api;
#[cfg(all(target_os = "linux", target_pointer_width = "64", not(any(loom, miri))))]
mod attachment;
mod info;
#[cfg(all(target_os = "linux", target_pointer_width = "64", not(any(loom, miri))))]
mod link;
#[cfg(all(target_os = "linux", target_pointer_width = "64", not(any(loom, miri))))]
mod missed;
#[cfg(all(target_os = "linux", target_pointer_width = "64", not(any(loom, miri))))]
mod offers;
#[cfg(all(target_os = "linux", target_pointer_width = "64", not(any(loom, miri))))]
pub(crate) mod shared;
#[cfg(not(all(target_os = "linux", target_pointer_width = "64", not(any(loom, miri)))))]
mod unsupported;

#[cfg(all(target_os = "linux", target_pointer_width = "64", not(any(loom, miri))))]
pub use api::Segment;
pub use info::{RingInfo, SegmentInfo, SessionAges};
#[cfg(not(all(target_os = "linux", target_pointer_width = "64", not(any(loom, miri)))))]
pub use unsupported::Segment;
