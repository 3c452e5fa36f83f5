use crate::MAX_KEY_LEN;

/// The reason why bytes are no [`Key`](crate::Key).
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KeyError {
    /// There are no bytes.
    #[error("a key must have 1 to {MAX_KEY_LEN} bytes, received none")]
    Empty,
    /// There are more than [`MAX_KEY_LEN`] bytes.
    #[error("a key must have 1 to {MAX_KEY_LEN} bytes, received {len}")]
    TooLong {
        /// The number of bytes.
        len: usize,
    },
}

/// The reason why a blob was not stored. The entries of the key stay as they were.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Rejected {
    /// The blob has no bytes. No TLS session is empty, so the caller made a mistake.
    #[error("a blob must have at least 1 byte, received none")]
    Empty,
    /// The blob is larger than all blobs together may be, or than 2³¹ − 1 bytes.
    #[error("a blob of {len} bytes does not fit in a cache of {max} bytes")]
    TooLarge {
        /// The length of the blob in bytes.
        len: u64,
        /// The maximum: the [byte budget](crate::ByteBudget), but no more than 2³¹ − 1.
        max: u64,
    },
    /// The file system of a segment has no memory for the blob, or other processes change all places that it may take.
    #[error("there is no room for the blob in the shared file")]
    NoRoom,
}

/// The reason why a cache was not built.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BuildError {
    /// The system refused address space, because of a limit (`ulimit -v`, a strict `vm.overcommit_memory`) or because
    /// the process has no more. A cache uses only as much of it as its entries take.
    #[error(
        "the system has no address space for {bytes} more bytes, \
         which a cache of at most {max} entries and {max_bytes} bytes reserves"
    )]
    AddressSpace {
        /// The bytes that were refused. Others may have been reserved before.
        bytes: u64,
        /// [`Options::max`](crate::Options::max).
        max: u32,
        /// [`Options::max_bytes`](crate::Options::max_bytes).
        max_bytes: u64,
    },
    /// The system has no random bytes for the key of the hash.
    #[error("the system has no random bytes")]
    Random,
}

/// The buffer of a caller is shorter than the blob.
///
/// Neither the cache nor the buffer has changed. The caller can repeat the call with a buffer of `needed` bytes. Another
/// thread may store a longer blob in between.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the buffer is too small for a blob of {needed} bytes")]
#[non_exhaustive]
pub struct BufferTooSmall {
    /// The length of the blob in bytes.
    pub needed: usize,
}

/// A number or duration is 0, or larger than its type permits.
///
/// ```
/// use std::time::Duration;
/// use tls_resumption_core::{TicketsPerKey, Ttl};
///
/// let ttl = Ttl::try_from(Duration::from_secs(300)).unwrap();
/// assert_eq!(Duration::from(ttl), Duration::from_secs(300));
/// let error = TicketsPerKey::try_from(256).unwrap_err();
/// assert_eq!(error.to_string(), "expected 1 to 255 entries");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected 1 to {max} {unit}")]
#[non_exhaustive]
pub struct OutOfRange {
    /// The maximum.
    pub max: u64,
    /// What the number counts, such as `milliseconds`.
    pub unit: &'static str,
}

/// The reason why a [`KeyRing`](crate::KeyRing) was not made, or did not take a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KeyRejected {
    /// A secret consists of equal bytes, or both secrets are equal.
    #[error("the key is not random")]
    NotRandom,
    /// Another key of the ring has that name or secret.
    #[error("the ring has a key of that name or secret")]
    Repeated,
    /// There is no key.
    #[error("there is no key")]
    Missing,
    /// The system has no random bytes.
    #[error("the system has no random bytes")]
    NoRandomness,
    /// The system has no memory for keys.
    #[error("the system has no memory for ticket keys")]
    NoMemory,
}
