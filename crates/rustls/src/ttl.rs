use tls_resumption_core::{EntryOptions, Ttl};

/// RFC 8446, section 4.6.1: a client must not keep a ticket for longer, nor a server ask it to.
const WEEK_IN_MILLIS: u64 = 7 * 24 * 60 * 60 * 1000;

/// Caps a lifetime that was set for the cache at what TLS permits.
pub(crate) fn entry_options() -> EntryOptions {
    EntryOptions { ttl: Ttl::from_millis(WEEK_IN_MILLIS), ..EntryOptions::default() }
}
