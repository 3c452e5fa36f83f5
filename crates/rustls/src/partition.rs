use std::fmt;

use tls_resumption_core::MAX_KEY_LEN;

/// The prefix of the keys of all servers. No other user of the cache may use it.
const SERVER: &[u8; 14] = b"rustls-server\0";

/// A label for servers that may resume each other's sessions, if they share a cache.
///
/// Two `ServerConfig`s may have one label **only if they trust the same clients**: with an equal client certificate
/// verifier and an equal certificate resolver. Otherwise a client that one of them never asked for a certificate could
/// resume with the other and count as authenticated. rustls [does not check that][sharing]. A label that is derived from
/// the configuration, such as a digest of the client CAs, cannot become outdated.
///
/// ```
/// use tls_resumption_rustls::Partition;
///
/// let public = Partition::new("public")?;
/// let admin = Partition::new("admin, client CA 2024")?;
/// assert_ne!(public, admin);
/// assert!(Partition::new("").is_err());
/// # Ok::<(), tls_resumption_rustls::LabelError>(())
/// ```
///
/// [sharing]: rustls::server::ServerConfig#sharing-resumption-storage-between-serverconfigs
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Partition {
    /// The length comes before the label, so that no label and session ID together equal another pair.
    prefix: Box<[u8]>,
}

impl Partition {
    /// Makes a partition of a label of 1 to 255 bytes. Labels are equal if their bytes are.
    ///
    /// # Errors
    ///
    /// [`LabelError`] if the label is empty or longer.
    pub fn new(label: impl AsRef<[u8]>) -> Result<Self, LabelError> {
        let label = label.as_ref();
        match u8::try_from(label.len()) {
            Ok(len @ 1..) => Ok(Self { prefix: [&SERVER[..], &[len], label].concat().into() }),
            _ => Err(LabelError { len: label.len() }),
        }
    }

    /// Returns the key of a session, or `None` if the session ID makes it too long. No server makes such an ID, but a client
    /// can send one of up to 64 KiB as a TLS 1.3 ticket. So the length is checked before the bytes are copied.
    pub(crate) fn key_bytes(&self, id: &[u8]) -> Option<Vec<u8>> {
        (self.prefix.len() + id.len() <= MAX_KEY_LEN).then(|| [&*self.prefix, id].concat())
    }
}

impl fmt::Debug for Partition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let label = &self.prefix[SERVER.len() + 1..];
        write!(f, "Partition({:?})", String::from_utf8_lossy(label))
    }
}

/// The reason why bytes are no label of a [`Partition`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a label must have 1 to 255 bytes, received {len}")]
#[non_exhaustive]
pub struct LabelError {
    /// The number of bytes.
    pub len: usize,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_label_is_1_to_255_bytes_long() {
        assert_eq!(Partition::new([]), Err(LabelError { len: 0 }));
        assert!(Partition::new([7]).is_ok());
        assert!(Partition::new([7; 255]).is_ok());
        assert_eq!(Partition::new([7; 256]), Err(LabelError { len: 256 }));
    }

    #[test]
    fn what_the_label_and_the_id_share_out_differently_are_different_keys() {
        let key = |label: &str, id: &str| Partition::new(label).unwrap().key_bytes(id.as_bytes());
        assert_ne!(key("a", "bc"), key("ab", "c"));
        assert_eq!(key("ab", "c"), key("ab", "c"));
    }

    #[test]
    fn an_id_that_makes_too_long_a_key_has_none() {
        let partition = Partition::new("a").unwrap();
        let room = MAX_KEY_LEN - partition.prefix.len();
        assert_eq!(partition.key_bytes(&vec![0; room]).map(|key| key.len()), Some(MAX_KEY_LEN));
        assert_eq!(partition.key_bytes(&vec![0; room + 1]), None);
    }

    #[test]
    fn it_prints_its_label() {
        assert_eq!(format!("{:?}", Partition::new("edge").unwrap()), r#"Partition("edge")"#);
    }
}
