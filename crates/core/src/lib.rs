//! A bounded, concurrent cache of TLS session blobs with per-entry lifetimes.
//!
//! A *blob* is a serialized TLS session: bytes that let a later connection to the same peer resume. It holds a pre-shared
//! key in clear, so this cache treats every blob as a secret. Blobs are wiped when they are removed, and are never
//! printed. The cache knows nothing else of TLS; the caller decides what a key stands for.
//!
//! - **Exact bounds.** The cache never holds more than [`Options::max`] entries or [`Options::max_bytes`] bytes. It evicts
//!   nothing while there is room. Up to 512 entries it evicts an expired entry if there is one, and otherwise the least
//!   recently used one. Beyond that it evicts the least recently used one of a random sample, and sweeps remove expired
//!   entries.
//! - **Several entries per key.** A TLS 1.3 server sends several tickets. [`Cache::add`] keeps the newest
//!   [`Options::tickets_per_key`] of them.
//! - **Single use on request.** [`Cache::take`] gives each blob to exactly one caller. [`Cache::offer`] prefers tickets
//!   that were not offered yet (RFC 8446, appendix C.4).
//! - **Exact lifetimes.** No call that begins at or after the expiry of an entry returns it.
//! - **A miss is always correct.** A cache may forget. A caller that meets a miss does a full handshake.
//!
//! # Example
//!
//! ```
//! use tls_resumption_core::{Cache, Capacity, EntryOptions, Key};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let cache = Cache::builder().max(Capacity::new(1_000).ok_or("out of range")?).build();
//! let key = Key::new(b"example.org:443")?;
//!
//! cache.put(key, b"a session", EntryOptions::default())?;
//! let shared = cache.clone();
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
//! A [`Cache`] is a handle: its clones share the same entries. It is `Send` and `Sync`, and every method takes `&self`.
//! No thread sees an operation on a key half done. No call waits for another thread: there is no lock, and a thread that
//! is stopped in the middle of a call stops no other thread. Calls allocate no memory except the [`Blob`]s that they
//! return. Only a [`clear`](Cache::clear) of a large cache may start a thread.
//!
//! # Memory
//!
//! An entry takes its blob, in blocks of 256 bytes, and about 90 bytes more. The cache stores no key: a keyed hash of 128
//! bits stands for it. [`Cache::bytes`] counts only blobs and [annotations](Annotation). Address space for the bounds is
//! reserved when the cache is built. It becomes resident as entries come, and later entries use it again.
//!
//! # Features
//!
//! None. `_oracle` compiles a reference model for this crate's own tests and fuzz targets. It is no part of the API.
//!
//! # Versions
//!
//! The crate needs Rust 1.88 or newer. A later Rust becomes the minimum only in a minor release, and only if it is six
//! months old by then.

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
#[cfg(any(test, feature = "_oracle"))]
#[doc(hidden)]
pub mod oracle;
mod purge_counters;
mod read_mode;
mod segment;
mod single_flight;
mod stats;
mod store;
mod sweeper;
mod ticket_keys;

pub use annotated::{ANNOTATION_LEN, Annotation, EntryId};
pub use blob::Blob;
pub use bounds::{ByteBudget, Capacity, Keep, RotateEvery, SweepInterval, TicketsPerKey, Ttl};
pub use breaker::{OfferBreaker, Outcome, Permission};
pub use builder::Builder;
pub use cache::Cache;
pub use clock::{Clock, ManualClock, SystemClock};
pub use error::{BufferTooSmall, BuildError, KeyError, KeyRejected, OutOfRange, Rejected};
pub use key::{Key, MAX_KEY_LEN};
pub use options::{EntryOptions, Options};
pub use purge_counters::PurgeCounters;
pub use segment::{
    MaxSession, RingInfo, Segment, SegmentError, SegmentErrorKind, SegmentInfo, SegmentKind,
    SegmentOptions, SessionAges, SharedKeyRing,
};
pub use single_flight::{Leadership, Lease};
pub use stats::{LockedMemory, Memory, Stats, limit_locked_memory};
pub use sweeper::wait_until_wiped;
pub use ticket_keys::{
    Activation, AgedKey, FoundKey, KEY_NAME_LEN, KEY_SECRET_LEN, KeyInfo, KeyRing, TICKET_KEY_LEN,
    TicketKey,
};
