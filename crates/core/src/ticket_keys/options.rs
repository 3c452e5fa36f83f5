use std::fmt;

/// How many keys a ring has at most, the newest included: 1 to [`Keep::MAX`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Keep(usize);

impl Keep {
    /// Reading a ring looks at all its keys, so there are never many.
    pub const MAX: usize = 64;

    /// `None` if out of range.
    #[must_use]
    pub fn new(keys: u64) -> Option<Self> {
        usize::try_from(keys).ok().filter(|keys| (1..=Self::MAX).contains(keys)).map(Self)
    }

    /// As a number.
    #[must_use]
    pub fn get(self) -> usize {
        self.0
    }
}

impl Default for Keep {
    /// Three: with an hour each they open the tickets of the two hours that Node.js gives them.
    fn default() -> Self {
        Self(3)
    }
}

/// How long a key seals before a new one does: 1 millisecond to seven days, which no ticket outlives
/// (RFC 8446 section 4.6.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RotateEvery(u64);

impl RotateEvery {
    /// Seven days, in milliseconds.
    pub const MAX_MILLIS: u64 = 7 * 24 * 60 * 60 * 1000;

    /// `None` if out of range.
    #[must_use]
    pub fn from_millis(millis: u64) -> Option<Self> {
        (1..=Self::MAX_MILLIS).contains(&millis).then_some(Self(millis))
    }

    /// In milliseconds.
    #[must_use]
    pub fn as_millis(self) -> u64 {
        self.0
    }
}

/// Why a key did not become one of a ring's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyRejected {
    /// A secret is the same byte over and over, or both secrets are the same.
    NotRandom,
    /// The ring has a key with that name or secret.
    Repeated,
    /// No key was given.
    Missing,
    /// The system gave no random bytes.
    NoRandomness,
}

impl fmt::Display for KeyRejected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotRandom => "the key is not random",
            Self::Repeated => "the ring has a key of that name or secret",
            Self::Missing => "there is no key",
            Self::NoRandomness => "the system has no random bytes",
        })
    }
}

impl std::error::Error for KeyRejected {}
