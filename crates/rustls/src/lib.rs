//! One bounded, concurrent cache of TLS sessions behind the session-store traits of [rustls].
//!
//! [`ClientSessions`] is a [`ClientSessionStore`](rustls::client::ClientSessionStore), [`ServerSessions`] a
//! [`StoresServerSessions`](rustls::server::StoresServerSessions). Both keep to the bounds of a [`Cache`], which
//! any number of them may share: one number of entries for the whole process, the least recently used going
//! first, lifetimes, and one set of counters. rustls' own stores evict in the order of insertion, have no
//! lifetimes of their own, and each has its own bound.
//!
//! # Example
//!
//! ```
//! use std::sync::Arc;
//!
//! use rustls::client::Resumption;
//! use rustls::{ClientConfig, RootCertStore};
//! use tls_resumption_rustls::ClientSessions;
//! use tls_resumption_rustls::core::{Cache, Capacity};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let cache = Arc::new(Cache::builder().max(Capacity::new(1_000).ok_or("out of range")?).build());
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
//! - A TLS 1.3 ticket is returned at most once, whatever the number of threads (RFC 8446, appendix C.4), and the
//!   newest one first. A TLS 1.2 session is returned until it is removed, replaced, evicted or expired.
//! - Of one server name, clients keep one TLS 1.2 session and as many TLS 1.3 tickets as
//!   [`Options::tickets_per_key`](core::Options::tickets_per_key) says.
//! - Nothing is returned once the cache has evicted it, or its lifetime in the cache is over. That lifetime is
//!   the cache's, but never more than the 7 days that RFC 8446, section 4.6.1, permits. A shorter lifetime that
//!   the server gave a client is enforced by rustls when it gets the session back.
//! - A miss is always correct: rustls then does a full handshake.
//!
//! # Who may share what
//!
//! A resumed handshake verifies no certificates: it relies on what the first one verified. So **one store for
//! each verification configuration**, whereas the [`Cache`] beneath can be shared by all of them:
//!
//! - Each [`ClientSessions`] is a partition of its own. Give one to those `ClientConfig`s that have the same
//!   server certificate verifier and the same client certificate resolver (the same `Arc`s). Between others
//!   rustls refuses to resume, and would only use up each other's tickets.
//! - **On servers rustls enforces nothing.** Each [`ServerSessions`] has a [`Partition`], which is mixed into its
//!   keys; see there for the rule.
//!
//! Sessions of a client never meet those of a server, even in one cache.
//!
//! # How a client's sessions live in a cache of bytes
//!
//! What rustls hands to a server's store is bytes, and the cache holds them as they are. What it hands to a
//! client's store are values that cannot be encoded through its public API, and that point to the verifier they
//! were made under. So the cache holds an entry of a single byte for each, under a number of its own, and a table
//! beside it holds the value. The entry decides: a ticket is handed out only by taking its entry, a TLS 1.2
//! session only while its entry is there. Hence, of clients:
//!
//! - [`Options::max`](core::Options::max) counts them exactly;
//!   [`Options::max_bytes`](core::Options::max_bytes) cannot, as a session counts for one byte. In memory it
//!   takes a few kilobytes, most of them the server's certificates, and a hostile server can make it about a
//!   hundred. Choose `max` accordingly.
//! - A value whose entry was evicted or has expired is not handed out from that moment on, and is dropped when
//!   the table meets it: when its server is asked for, or by one of the checks that follow every insertion, which
//!   keep the table in the order of `max` values. To have it done at once, say on a timer or after
//!   [`Cache::clear`], call [`ClientSessions::sweep`].
//! - [`Stats`](core::Stats) count them like all entries, except that asking for a server of which nothing is kept
//!   is no miss: then the cache is not asked.
//! - They cannot be shared with other processes, nor outlive this one.
//!
//! # Secrets
//!
//! Sessions hold keys in clear. Those of servers are wiped as soon as they leave the cache; but the copies that
//! [`ServerSessions`] returns are rustls' to wipe, and it does not wipe them. Those of clients are wiped by rustls
//! when the value is dropped. Nothing here prints any of them.
//!
//! # Threads
//!
//! All types are `Send` and `Sync`. Every method blocks for no longer than the operations of other threads take.
//! No lock of this crate is held while the cache, and with it a caller's [`Clock`](core::Clock), is at work.
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
pub use tls_resumption_core as core;

#[cfg(doc)]
use crate::core::Cache;
