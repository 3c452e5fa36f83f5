use std::fmt;
use std::ops::Deref;

use zeroize::Zeroizing;

/// The bytes of one session, owned, and wiped when dropped.
///
/// It cannot be cloned, and its [`Debug`](fmt::Debug) form has only the length. So the secret is copied only where the
/// code says so.
///
/// ```
/// # use tls_resumption_core::{Cache, EntryOptions, Key};
/// # let cache = Cache::builder().build();
/// # let key = Key::new(b"peer").unwrap();
/// cache.put(key, b"secret", EntryOptions::default()).unwrap();
/// let blob = cache.get(key).unwrap();
/// assert_eq!(&blob[..], b"secret");
/// assert_eq!(format!("{blob:?}"), "Blob(6 bytes)");
/// ```
pub struct Blob(Zeroizing<Box<[u8]>>);

impl Blob {
    pub(crate) fn new(bytes: Zeroizing<Box<[u8]>>) -> Self {
        Self(bytes)
    }

    /// Copies bytes. Allocates exactly once, because a buffer that grows leaves an unwiped copy at each step.
    #[cfg(any(test, feature = "_oracle"))]
    pub(crate) fn copy_of(bytes: &[u8]) -> Self {
        Self(Zeroizing::new(Box::from(bytes)))
    }
}

impl Deref for Blob {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.0
    }
}

impl AsRef<[u8]> for Blob {
    fn as_ref(&self) -> &[u8] {
        self
    }
}

impl fmt::Debug for Blob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Blob({} bytes)", self.len())
    }
}
