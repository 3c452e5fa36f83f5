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
pub enum Rejected {
    /// The blob had no bytes: no TLS session is empty, so it is a caller's mistake.
    #[error("a blob is at least 1 byte long, this one is empty")]
    Empty,
    /// The blob alone is larger than all blobs together may be, or than 2³¹ − 1 bytes.
    #[error("a blob of {len} bytes does not fit in a cache of {max} bytes")]
    TooLarge {
        /// The blob's length in bytes.
        len: u64,
        /// The longest that it takes: its [byte budget](crate::ByteBudget), but for the largest of them.
        max: u64,
    },
}

/// What a cache needs and the system has not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BuildError {
    /// Address space was refused, by a limit (`ulimit -v`, a strict `vm.overcommit_memory`) or since the process has no
    /// more. Of what is reserved a cache uses as much as its entries take.
    #[error(
        "there is no address space for {bytes} bytes more, \
         which a cache of at most {max} entries and {max_bytes} bytes reserves"
    )]
    AddressSpace {
        /// The bytes that were asked for and refused; others may have been had before.
        bytes: u64,
        /// [`Options::max`](crate::Options::max).
        max: u32,
        /// [`Options::max_bytes`](crate::Options::max_bytes).
        max_bytes: u64,
    },
    /// There are no random bytes for the key of the hash.
    #[error("the system has no random bytes")]
    Random,
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
