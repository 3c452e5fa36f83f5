use crate::MAX_KEY_LEN;

/// Why bytes are not a [`Key`](crate::Key).
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// There were no bytes.
    #[error("a key is 1 to {MAX_KEY_LEN} bytes long, this one is empty")]
    Empty,
    /// There were more than [`MAX_KEY_LEN`] bytes.
    #[error("a key is 1 to {MAX_KEY_LEN} bytes long, this one is {len}")]
    TooLong {
        /// How many bytes there were.
        len: usize,
    },
}

/// Why a blob was not stored. What was stored under the key before stays as it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// The blob had no bytes: no TLS session is empty, so it is a caller's mistake.
    #[error("a blob is at least 1 byte long, this one is empty")]
    Empty,
    /// The blob alone is larger than all blobs together may be.
    #[error("a blob of {len} bytes does not fit in a cache of {max} bytes")]
    TooLarge {
        /// The blob's length in bytes.
        len: u64,
        /// The cache's [byte budget](crate::ByteBudget).
        max: u64,
    },
}

/// A caller's buffer is shorter than the blob that was to go into it.
///
/// Neither the cache nor the buffer was changed, so the call can be made again with a buffer of `needed` bytes.
/// Another thread may store a longer blob in between.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the buffer is too small for a blob of {needed} bytes")]
pub struct BufferTooSmall {
    /// The blob's length in bytes.
    pub needed: usize,
}
