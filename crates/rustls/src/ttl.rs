use std::time::Duration;

use tls_resumption_core::{EntryOptions, Ttl};

/// A client must not keep a ticket for longer, and a server must not ask it to (RFC 8446, section 4.6.1).
const WEEK: Duration = Duration::from_secs(7 * 24 * 60 * 60);

/// Limits a lifetime of the cache to what TLS permits.
pub(crate) fn entry_options() -> EntryOptions {
    EntryOptions::default().with_ttl(Ttl::new(WEEK))
}
