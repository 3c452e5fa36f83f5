use std::sync::Arc;

use rustls::server::StoresServerSessions;
use tls_resumption_core::{Cache, Key};
use zeroize::Zeroizing;

use crate::{Partition, ttl};

/// The sessions of servers, for TLS 1.2 session ids and for TLS 1.3 tickets that are kept by the server.
///
/// rustls uses it where [`ServerConfig::ticketer`](rustls::ServerConfig::ticketer) is not set: with TLS 1.2 for
/// as long as a session lives, with TLS 1.3 once for each ticket. Stores of one cache and equal
/// [`Partition`]s are one store, so read there **who may have an equal one**.
///
/// A session that is larger than [`Options::max_bytes`](crate::core::Options::max_bytes) is not stored: a session
/// holds the client's certificates, whose size the client decides. [`can_cache`](Self::can_cache) is always true,
/// because a full cache makes room.
///
/// ```
/// use std::sync::Arc;
///
/// use rustls::ServerConfig;
/// use tls_resumption_rustls::core::Cache;
/// use tls_resumption_rustls::{Partition, ServerSessions};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let certified = rcgen::generate_simple_self_signed(vec!["example.org".to_owned()])?;
/// # let (chain, key) = (vec![certified.cert.into()], certified.signing_key.into());
/// # let provider = Arc::new(rustls::crypto::ring::default_provider());
/// let cache = Arc::new(Cache::default());
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
    cache: Arc<Cache>,
    partition: Partition,
}

impl ServerSessions {
    /// The sessions in `cache` of this partition.
    #[must_use]
    pub fn new(cache: Arc<Cache>, partition: Partition) -> Self {
        Self { cache, partition }
    }

    /// The cache it was made with.
    #[must_use]
    pub fn cache(&self) -> &Arc<Cache> {
        &self.cache
    }

    fn with_key<R>(&self, id: &[u8], operation: impl FnOnce(Key<'_>) -> R) -> Option<R> {
        let bytes = self.partition.key_bytes(id)?;
        Key::new(&bytes).ok().map(operation)
    }
}

impl StoresServerSessions for ServerSessions {
    fn put(&self, key: Vec<u8>, value: Vec<u8>) -> bool {
        // rustls gives it away as a plain vector, so nobody else would wipe it.
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
