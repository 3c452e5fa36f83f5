use std::num::{NonZeroU8, NonZeroU32, NonZeroU64};
use std::time::Duration;

use crate::OutOfRange;

/// The number of entries of a cache at most: 1 to 100 million. Entries are blobs, not keys.
///
/// ```
/// use tls_resumption_core::Capacity;
///
/// assert_eq!(Capacity::new(5).map(Capacity::get), Some(5));
/// assert_eq!(Capacity::new(0), None);
/// assert_eq!(Capacity::new(100_000_001), None);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Capacity(NonZeroU32);

impl Capacity {
    /// The minimum: one entry.
    pub const MIN: Self = Self(NonZeroU32::MIN);
    /// The maximum: 100 million entries.
    pub const MAX: Self = Self(NonZeroU32::new(100_000_000).unwrap());
    /// The default: 10,000 entries.
    pub const DEFAULT: Self = Self(NonZeroU32::new(10_000).unwrap());

    /// Returns `None` if out of range.
    #[must_use]
    pub fn new(entries: u64) -> Option<Self> {
        let entries = NonZeroU32::new(u32::try_from(entries).ok()?)?;
        Some(Self(entries)).filter(|capacity| *capacity <= Self::MAX)
    }

    /// Returns the number of entries.
    #[must_use]
    pub const fn get(self) -> u32 {
        self.0.get()
    }
}

impl Default for Capacity {
    fn default() -> Self {
        Self::DEFAULT
    }
}

/// The bytes of the blobs of a cache at most: 1 to 2³⁷ − 1. Metadata does not count.
///
/// ```
/// use tls_resumption_core::ByteBudget;
///
/// assert_eq!(ByteBudget::new(1024).map(ByteBudget::get), Some(1024));
/// assert_eq!(ByteBudget::new(0), None);
/// assert_eq!(ByteBudget::new(1 << 37), None);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ByteBudget(NonZeroU64);

impl ByteBudget {
    /// The minimum: one byte.
    pub const MIN: Self = Self(NonZeroU64::MIN);
    /// The maximum: 2³⁷ − 1 bytes.
    pub const MAX: Self = Self(NonZeroU64::new((1 << 37) - 1).unwrap());
    /// The default: 64 MiB.
    pub const DEFAULT: Self = Self(NonZeroU64::new(64 << 20).unwrap());

    /// Returns `None` if out of range.
    #[must_use]
    pub fn new(bytes: u64) -> Option<Self> {
        Some(Self(NonZeroU64::new(bytes)?)).filter(|budget| *budget <= Self::MAX)
    }

    /// Returns the number of bytes.
    #[must_use]
    pub const fn get(self) -> u64 {
        self.0.get()
    }

    /// Returns the length of a blob at most: the budget, and no more than 31 bits, because lengths in some other languages
    /// have that many.
    pub(crate) fn longest_blob(self) -> u64 {
        self.get().min((1 << 31) - 1)
    }
}

impl Default for ByteBudget {
    fn default() -> Self {
        Self::DEFAULT
    }
}

/// The number of entries that [`Cache::add`](crate::Cache::add) keeps under one key: 1 to 255.
///
/// ```
/// use tls_resumption_core::TicketsPerKey;
///
/// assert_eq!(TicketsPerKey::new(2).map(TicketsPerKey::get), Some(2));
/// assert_eq!(TicketsPerKey::new(0), None);
/// assert_eq!(TicketsPerKey::new(256), None);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TicketsPerKey(NonZeroU8);

impl TicketsPerKey {
    /// The minimum: one entry per key.
    pub const MIN: Self = Self(NonZeroU8::MIN);
    /// The maximum: 255 entries per key.
    pub const MAX: Self = Self(NonZeroU8::MAX);
    /// The default: 4 entries per key.
    pub const DEFAULT: Self = Self(NonZeroU8::new(4).unwrap());

    /// Returns `None` if out of range.
    #[must_use]
    pub fn new(tickets: u64) -> Option<Self> {
        NonZeroU8::new(u8::try_from(tickets).ok()?).map(Self)
    }

    /// Returns the number of entries.
    #[must_use]
    pub const fn get(self) -> u8 {
        self.0.get()
    }
}

impl Default for TicketsPerKey {
    fn default() -> Self {
        Self::DEFAULT
    }
}

/// The lifetime of an entry: 1 to 2³² − 1 whole milliseconds, which is 49 days.
///
/// TLS 1.3 permits at most 7 days (RFC 8446, section 4.6.1). The caller has to respect that. This range only keeps sums of
/// times from overflowing.
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
    /// The minimum: a millisecond.
    pub const MIN: Self = Self(NonZeroU32::MIN);
    /// The maximum: 2³² − 1 milliseconds.
    pub const MAX: Self = Self(NonZeroU32::MAX);
    /// The default: an hour.
    pub const DEFAULT: Self = Self(NonZeroU32::new(3_600_000).unwrap());

    /// Returns `None` if out of range.
    #[must_use]
    pub fn from_millis(millis: u64) -> Option<Self> {
        millis_in_range(millis).map(Self)
    }

    /// Returns the number of milliseconds.
    #[must_use]
    pub fn as_millis(self) -> u64 {
        self.0.get().into()
    }
}

/// Takes whole milliseconds.
impl TryFrom<Duration> for Ttl {
    type Error = OutOfRange;

    fn try_from(duration: Duration) -> Result<Self, OutOfRange> {
        u64::try_from(duration.as_millis()).ok().and_then(Self::from_millis).ok_or(OutOfRange)
    }
}

impl From<Ttl> for Duration {
    fn from(ttl: Ttl) -> Self {
        Self::from_millis(ttl.as_millis())
    }
}

impl Default for Ttl {
    fn default() -> Self {
        Self::DEFAULT
    }
}

/// The pause between two background sweeps of a cache: 1 to 2³² − 1 whole milliseconds.
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
    /// The minimum: a millisecond.
    pub const MIN: Self = Self(NonZeroU32::MIN);
    /// The maximum: 2³² − 1 milliseconds.
    pub const MAX: Self = Self(NonZeroU32::MAX);
    /// The default: a minute.
    pub const DEFAULT: Self = Self(NonZeroU32::new(60_000).unwrap());

    /// Returns `None` if out of range.
    #[must_use]
    pub fn from_millis(millis: u64) -> Option<Self> {
        millis_in_range(millis).map(Self)
    }

    /// Returns the number of milliseconds.
    #[must_use]
    pub fn as_millis(self) -> u64 {
        self.0.get().into()
    }
}

/// Takes whole milliseconds.
impl TryFrom<Duration> for SweepInterval {
    type Error = OutOfRange;

    fn try_from(duration: Duration) -> Result<Self, OutOfRange> {
        u64::try_from(duration.as_millis()).ok().and_then(Self::from_millis).ok_or(OutOfRange)
    }
}

impl From<SweepInterval> for Duration {
    fn from(interval: SweepInterval) -> Self {
        Self::from_millis(interval.as_millis())
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
