//! The N-API binding: converts arguments and keeps the registry of open caches. What a cache does
//! is in `tls-resumption-core`, what a session blob says in `tls-resumption-session`.
//!
//! Every export is a free function on a `u32` handle: napi-rs guards class instances with a
//! process-wide mutex, which two busy worker threads would fight over. What is called for every
//! connection is a raw callback (see [`napi::raw_callback`]); the rest is exported by napi-rs' macro.

#![cfg_attr(test, allow(dead_code, reason = "a test build exports nothing"))]
#![expect(clippy::needless_pass_by_value, reason = "napi-rs hands arguments over by value")]
#![expect(
    clippy::option_option,
    reason = "an option of JavaScript may be left out, or given as none"
)]

mod aead;
mod cache;
mod chains;
mod handles;
mod napi;
mod offer_breaker;
mod operations;
mod purge_counters;
mod registry;
mod revocations;
mod ring;
mod session;
mod shared_file;
mod ticket_keys;
mod verified;
