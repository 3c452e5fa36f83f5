use std::fmt;

use crate::KeyError;

/// The maximum length of a key, in bytes.
pub const MAX_KEY_LEN: usize = 4096;

/// The key of entries: 1 to [`MAX_KEY_LEN`] bytes, borrowed from the caller.
///
/// Two keys are the same if and only if their bytes are equal. Nothing is normalized, because a key carries what
/// decided that the peer is trusted.
///
/// ```
/// use tls_resumption_core::{Key, KeyError};
///
/// assert_eq!(Key::new(b"example.org:443").map(Key::as_bytes), Ok(&b"example.org:443"[..]));
/// assert_eq!(Key::new(b""), Err(KeyError::Empty));
/// assert_eq!(Key::new(&[0; 4097]), Err(KeyError::TooLong { len: 4097 }));
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Key<'a>(&'a [u8]);

impl<'a> Key<'a> {
    /// Makes a key of bytes.
    ///
    /// # Errors
    ///
    /// [`KeyError`] if there are no bytes, or more than [`MAX_KEY_LEN`].
    pub const fn new(bytes: &'a [u8]) -> Result<Self, KeyError> {
        match bytes.len() {
            0 => Err(KeyError::Empty),
            1..=MAX_KEY_LEN => Ok(Self(bytes)),
            len => Err(KeyError::TooLong { len }),
        }
    }

    /// Returns the bytes.
    #[must_use]
    pub const fn as_bytes(self) -> &'a [u8] {
        self.0
    }
}

/// Prints only the length, because a key may name a peer or be a session ID.
impl fmt::Debug for Key<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Key({} bytes)", self.0.len())
    }
}
