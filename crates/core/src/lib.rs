//! A bounded, concurrent cache of TLS session blobs with per-entry lifetimes.
//!
//! A *blob* is what a TLS library calls a session: an opaque string of bytes that lets a later connection to
//! the same peer resume instead of doing a full handshake. It holds a pre-shared key in clear, so this cache
//! treats every blob as a secret: blobs are wiped the moment they are removed and are never printed. The cache
//! knows nothing else of TLS; what a key stands for is its caller's business.
//!
//! - **Bounded, exactly.** Never more than [`Options::max`] entries nor [`Options::max_bytes`] bytes, and
//!   nothing is evicted while there is room. Room is made by an expired entry if there is one, otherwise by the
//!   least recently used one.
//! - **Several entries a key.** A TLS 1.3 server hands out several tickets; [`Cache::add`] keeps the newest
//!   [`Options::tickets_per_key`] of them.
//! - **Each entry at most once, where asked.** [`Cache::take`] gives each blob to exactly one taker, and
//!   [`Cache::offer`] prefers tickets that were not offered yet (RFC 8446, appendix C.4).
//! - **Nothing past its lifetime.** No call that begins at or after an entry's expiry returns it.
//! - **A miss is always correct.** A cache may forget, and a caller that meets a miss does a full handshake.
//!
//! # Example
//!
//! ```
//! use std::sync::Arc;
//! use tls_resumption_core::{Cache, Capacity, EntryOptions, Key};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let cache = Arc::new(Cache::builder().max(Capacity::new(1_000).ok_or("out of range")?).build());
//! let key = Key::new(b"example.org:443")?;
//!
//! cache.put(key, b"a session", EntryOptions::default())?;
//! let shared = Arc::clone(&cache);
//! let blob = std::thread::spawn(move || shared.take(key)).join().expect("the thread ran");
//!
//! assert_eq!(blob.as_deref(), Some(&b"a session"[..]));
//! assert!(cache.is_empty());
//! # Ok(())
//! # }
//! ```
//!
//! # Threads
//!
//! A [`Cache`] is `Send` and `Sync`; every method takes `&self`, so share it behind an [`Arc`](std::sync::Arc).
//! No operation on a key is ever seen half done, and none waits for another thread: there is no lock, and a thread
//! that is stopped in the middle of a call stops nobody else. After construction no call allocates memory, but for
//! the [`Blob`]s that are returned. What threads change together is spread over lanes, so that they seldom meet.
//!
//! # Memory
//!
//! An entry costs its blob, in blocks of 256 bytes, and about 80 bytes more. No key is kept: a keyed hash of 128
//! bits stands for it. [`Cache::bytes`] counts blobs and [annotations](Annotation) only. Address space for as much as the options allow is
//! reserved ahead; it takes memory as entries come, and what entries gave back is used for later ones.

#![deny(unsafe_code)]

mod annotated;
mod blob;
mod bounds;
mod breaker;
mod builder;
mod cache;
mod call_time;
mod clock;
mod error;
mod key;
mod options;
#[cfg(any(test, feature = "oracle"))]
#[doc(hidden)]
pub mod oracle;
mod purge_counters;
mod read_mode;
mod single_flight;
mod stats;
mod store;
mod sweeper;
#[cfg(not(loom))]
mod ticket_keys;

pub use annotated::{ANNOTATION_LEN, Annotation, EntryId};
pub use blob::Blob;
pub use bounds::{ByteBudget, Capacity, SweepInterval, TicketsPerKey, Ttl};
pub use breaker::{OfferBreaker, Outcome, PendingOffer, Permission};
pub use builder::Builder;
pub use cache::Cache;
pub use clock::{Clock, ManualClock, SystemClock};
pub use error::{BufferTooSmall, BuildError, KeyError, Rejected};
pub use key::{Key, MAX_KEY_LEN};
pub use options::{EntryOptions, Options};
pub use purge_counters::PurgeCounters;
pub use single_flight::{Leadership, Lease};
pub use stats::{Memory, Stats};
pub use sweeper::wait_until_wiped;
#[cfg(not(loom))]
pub use ticket_keys::{
    AgedKey, KEY_NAME_LEN, KEY_SECRET_LEN, Keep, KeyInfo, KeyRejected, KeyRing, RotateEvery,
    TICKET_KEY_LEN, TicketKey,
};
