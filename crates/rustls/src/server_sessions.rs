use rustls::server::StoresServerSessions;
use tls_resumption_core::{Cache, Key};
use zeroize::Zeroizing;

use crate::{Partition, ttl};

/// The sessions of servers, for TLS 1.2 session IDs and for stateful TLS 1.3 tickets.
///
/// rustls uses it if [`ServerConfig::ticketer`](rustls::ServerConfig::ticketer) is not set. With TLS 1.2 a session is used
/// during its whole lifetime, with TLS 1.3 each ticket once. Stores with one cache and equal [`Partition`]s are the same
/// store; see there **which servers may have equal ones**.
///
/// A session larger than [`Options::max_bytes`](crate::cache::Options::max_bytes) is not stored. It holds the certificates
/// of the client, whose size the client decides. [`can_cache`](Self::can_cache) is always true, because a full cache
/// makes room.
///
/// ```
/// use std::sync::Arc;
///
/// use rustls::ServerConfig;
/// use tls_resumption_rustls::cache::Cache;
/// use tls_resumption_rustls::{Partition, ServerSessions};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let certified = rcgen::generate_simple_self_signed(vec!["example.org".to_owned()])?;
/// # let (chain, key) = (vec![certified.cert.into()], certified.signing_key.into());
/// # let provider = Arc::new(rustls::crypto::ring::default_provider());
/// let cache = Cache::default();
/// let mut config = ServerConfig::builder_with_provider(provider)
///     .with_safe_default_protocol_versions()?
///     .with_no_client_auth()
///     .with_single_cert(chain, key)?;
/// config.session_storage = Arc::new(ServerSessions::new(cache, Partition::new("public")?));
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct ServerSessions {
    cache: Cache,
    partition: Partition,
}

impl ServerSessions {
    /// Makes the store of a partition of `cache`.
    #[must_use]
    pub fn new(cache: Cache, partition: Partition) -> Self {
        Self { cache, partition }
    }

    /// Returns the cache of the store.
    #[must_use]
    pub fn cache(&self) -> &Cache {
        &self.cache
    }

    fn with_key<R>(&self, id: &[u8], operation: impl FnOnce(Key<'_>) -> R) -> Option<R> {
        let bytes = self.partition.key_bytes(id)?;
        Key::new(&bytes).ok().map(operation)
    }
}

impl StoresServerSessions for ServerSessions {
    fn put(&self, key: Vec<u8>, value: Vec<u8>) -> bool {
        // rustls passes a plain vector, which it does not wipe.
        let value = Zeroizing::new(value);
        let stored = self.with_key(&key, |key| self.cache.put(key, &value, ttl::entry_options()));
        matches!(stored, Some(Ok(())))
    }

    fn get(&self, key: &[u8]) -> Option<Vec<u8>> {
        self.with_key(key, |key| self.cache.get(key))?.map(|blob| blob.to_vec())
    }

    fn take(&self, key: &[u8]) -> Option<Vec<u8>> {
        self.with_key(key, |key| self.cache.take(key))?.map(|blob| blob.to_vec())
    }

    fn can_cache(&self) -> bool {
        true
    }
}
