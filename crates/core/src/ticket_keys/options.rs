use std::fmt;
use std::time::Duration;

use crate::OutOfRange;

/// The number of keys of a ring at most, the active one included: 1 to [`Keep::MAX`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Keep(usize);

impl Keep {
    /// The maximum. A search reads all keys, so there are never many.
    pub const MAX: usize = 64;

    /// Returns `None` if out of range.
    #[must_use]
    pub fn new(keys: u64) -> Option<Self> {
        usize::try_from(keys).ok().filter(|keys| (1..=Self::MAX).contains(keys)).map(Self)
    }

    /// Returns the number of keys.
    #[must_use]
    pub fn get(self) -> usize {
        self.0
    }
}

impl Default for Keep {
    /// Three. With an hour each they decrypt tickets for two hours, which is the lifetime in Node.js.
    fn default() -> Self {
        Self(3)
    }
}

/// How long a key stays active: 1 millisecond to seven days, which no ticket outlives (RFC 8446 section 4.6.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RotateEvery(u64);

impl RotateEvery {
    /// The maximum: seven days, in milliseconds.
    pub const MAX_MILLIS: u64 = 7 * 24 * 60 * 60 * 1000;

    /// Returns `None` if out of range.
    #[must_use]
    pub fn from_millis(millis: u64) -> Option<Self> {
        (1..=Self::MAX_MILLIS).contains(&millis).then_some(Self(millis))
    }

    /// Returns the number of milliseconds.
    #[must_use]
    pub fn as_millis(self) -> u64 {
        self.0
    }
}

/// Takes whole milliseconds.
impl TryFrom<Duration> for RotateEvery {
    type Error = OutOfRange;

    fn try_from(duration: Duration) -> Result<Self, OutOfRange> {
        u64::try_from(duration.as_millis()).ok().and_then(Self::from_millis).ok_or(OutOfRange)
    }
}

impl From<RotateEvery> for Duration {
    fn from(every: RotateEvery) -> Self {
        Self::from_millis(every.as_millis())
    }
}

/// The reason why a ring did not take a key, or was not made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum KeyRejected {
    /// A secret consists of equal bytes, or both secrets are equal.
    NotRandom,
    /// Another key of the ring has that name or secret.
    Repeated,
    /// There is no key.
    Missing,
    /// The system has no random bytes.
    NoRandomness,
    /// The system has no memory for keys.
    NoMemory,
}

impl fmt::Display for KeyRejected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotRandom => "the key is not random",
            Self::Repeated => "the ring has a key of that name or secret",
            Self::Missing => "there is no key",
            Self::NoRandomness => "the system has no random bytes",
            Self::NoMemory => "the system has no memory for ticket keys",
        })
    }
}

impl std::error::Error for KeyRejected {}
