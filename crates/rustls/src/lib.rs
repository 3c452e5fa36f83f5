//! One bounded, concurrent cache of TLS sessions behind the session-store traits of [rustls].
//!
//! [`ClientSessions`] is a [`ClientSessionStore`](rustls::client::ClientSessionStore), [`ServerSessions`] a
//! [`StoresServerSessions`](rustls::server::StoresServerSessions). Both respect the bounds of a [`Cache`], which any number
//! of them may share. So the whole process has one maximum of entries, one LRU order, lifetimes, and one set of counters.
//! The stores of rustls evict in the order of insertion, have no lifetimes, and each has its own bound.
//!
//! # Example
//!
//! ```
//! use std::sync::Arc;
//!
//! use rustls::client::Resumption;
//! use rustls::{ClientConfig, RootCertStore};
//! use tls_resumption_rustls::ClientSessions;
//! use tls_resumption_rustls::cache::{Cache, Capacity};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let cache = Cache::builder().max(Capacity::try_from(1_000)?).build();
//!
//! let provider = Arc::new(rustls::crypto::ring::default_provider());
//! let mut config = ClientConfig::builder_with_provider(provider)
//!     .with_safe_default_protocol_versions()?
//!     .with_root_certificates(RootCertStore::empty())
//!     .with_no_client_auth();
//! config.resumption = Resumption::store(Arc::new(ClientSessions::new(cache)));
//! # Ok(())
//! # }
//! ```
//!
//! For a server, see [`ServerSessions`]. `examples/shared.rs` runs both on one cache.
//!
//! # Contract
//!
//! - A TLS 1.3 ticket is returned at most once, in any number of threads (RFC 8446, appendix C.4), the newest one first. A
//!   TLS 1.2 session is returned until it is removed, replaced, evicted or expired.
//! - For one server name, clients keep one TLS 1.2 session, and up to
//!   [`Options::tickets_per_key`](cache::Options::tickets_per_key) TLS 1.3 tickets.
//! - Nothing is returned after the cache has evicted it, or after its lifetime in the cache. That lifetime is that of
//!   the cache, and at most 7 days (RFC 8446, section 4.6.1). A shorter lifetime from the server is enforced by rustls when it
//!   gets the session back.
//! - A miss is always correct: rustls then does a full handshake.
//!
//! # Sharing
//!
//! A resumed handshake verifies no certificates. It relies on the verification of the full handshake. So use **one store
//! for each verification configuration**. All of them can share one [`Cache`]:
//!
//! - Each [`ClientSessions`] is a partition of its own. Share it between `ClientConfig`s with the same server certificate
//!   verifier and the same client certificate resolver (the same `Arc`s). Between others rustls refuses to resume, and
//!   they would only use up each other's tickets.
//! - **For servers rustls enforces nothing.** Each [`ServerSessions`] has a [`Partition`] in its keys; see there for the
//!   rule.
//!
//! Sessions of clients and of servers are always apart, even in one cache.
//!
//! # Client sessions
//!
//! rustls passes bytes to the store of a server, and the cache holds these. To the store of a client it passes values that
//! cannot be encoded, and that point to their verifier. So the cache holds an entry of one byte for each of them, and a
//! table holds the value. The entry decides: a ticket is returned only by taking its entry, and a TLS 1.2 session only
//! while its entry is stored. For clients this means:
//!
//! - [`Options::max`](cache::Options::max) counts sessions exactly. [`Options::max_bytes`](cache::Options::max_bytes) cannot,
//!   because a session counts as one byte. In memory it takes a few kilobytes, mostly certificates of the server. A
//!   hostile server can make that about a hundred. Choose `max` accordingly.
//! - A value whose entry was evicted or has expired is not returned any more. It is dropped when the table meets it: when
//!   its server is asked for, or by the checks after every insertion. These bound the table to about `max` values.
//!   [`ClientSessions::sweep`] drops them at once, for example on a timer or after [`Cache::clear`].
//! - [`Stats`](cache::Stats) count sessions like all entries, with one exception. If nothing is kept for a server, the cache
//!   is not asked, so that is no miss.
//! - Sessions of clients cannot be shared with other processes, and do not survive this one.
//!
//! # Secrets
//!
//! Sessions hold keys in clear. Sessions of servers are wiped when they leave the cache. rustls does not wipe the copies
//! that [`ServerSessions`] returns. It wipes sessions of clients when the value is dropped. This crate prints none of them.
//!
//! # Threads
//!
//! All types are `Send` and `Sync`. Every method blocks at most while other threads are in one. This crate holds no lock
//! while the cache, and with it the [`Clock`](cache::Clock) of a caller, runs.
//!
//! [rustls]: https://docs.rs/rustls/0.23

#![forbid(unsafe_code)]

mod client_sessions;
mod kx_hints;
mod partition;
mod server_sessions;
mod ticket_table;
mod ttl;

pub use client_sessions::ClientSessions;
pub use partition::{LabelError, Partition};
pub use server_sessions::ServerSessions;
/// The cache, re-exported so that versions agree.
pub use tls_resumption_core as cache;

#[cfg(doc)]
use crate::cache::Cache;
