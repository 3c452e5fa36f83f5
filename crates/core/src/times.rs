use std::num::NonZeroU32;
use std::time::Duration;

/// How long an entry lives: 1 to 2³² − 1 whole milliseconds, which is 49 days.
///
/// TLS 1.3 permits at most 7 days (RFC 8446, section 4.6.1). Keeping to that is the caller's part; this range
/// only makes sure that no sum of times overflows.
///
/// ```
/// use tls_resumption_core::Ttl;
///
/// assert_eq!(Ttl::from_millis(7_200_000).map(Ttl::as_millis), Some(7_200_000));
/// assert_eq!(Ttl::from_millis(0), None);
/// assert_eq!(Ttl::from_millis(1 << 32), None);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ttl(NonZeroU32);

impl Ttl {
    /// The shortest: a millisecond.
    pub const MIN: Self = Self(NonZeroU32::MIN);
    /// The longest: 2³² − 1 milliseconds.
    pub const MAX: Self = Self(NonZeroU32::MAX);
    /// What a cache has unless told otherwise: an hour.
    pub const DEFAULT: Self = Self(NonZeroU32::new(3_600_000).unwrap());

    /// `None` if out of range.
    #[must_use]
    pub fn from_millis(millis: u64) -> Option<Self> {
        millis_in_range(millis).map(Self)
    }

    /// The number of milliseconds.
    #[must_use]
    pub fn as_millis(self) -> u64 {
        self.0.get().into()
    }
}

impl Default for Ttl {
    fn default() -> Self {
        Self::DEFAULT
    }
}

/// How long the background sweep lets a cache rest between two sweeps: 1 to 2³² − 1 whole milliseconds.
///
/// ```
/// use tls_resumption_core::SweepInterval;
///
/// assert_eq!(SweepInterval::from_millis(60_000), Some(SweepInterval::DEFAULT));
/// assert_eq!(SweepInterval::from_millis(0), None);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SweepInterval(NonZeroU32);

impl SweepInterval {
    /// The shortest: a millisecond.
    pub const MIN: Self = Self(NonZeroU32::MIN);
    /// The longest: 2³² − 1 milliseconds.
    pub const MAX: Self = Self(NonZeroU32::MAX);
    /// What a cache has unless told otherwise: a minute.
    pub const DEFAULT: Self = Self(NonZeroU32::new(60_000).unwrap());

    /// `None` if out of range.
    #[must_use]
    pub fn from_millis(millis: u64) -> Option<Self> {
        millis_in_range(millis).map(Self)
    }

    /// The number of milliseconds.
    #[must_use]
    pub fn as_millis(self) -> u64 {
        self.0.get().into()
    }

    pub(crate) fn as_duration(self) -> Duration {
        Duration::from_millis(self.as_millis())
    }
}

impl Default for SweepInterval {
    fn default() -> Self {
        Self::DEFAULT
    }
}

fn millis_in_range(millis: u64) -> Option<NonZeroU32> {
    NonZeroU32::new(u32::try_from(millis).ok()?)
}
