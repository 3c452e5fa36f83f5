//! Numbers and durations whose type checks their range. Every minimum is 1: one entry, byte, key or millisecond.

use std::num::NonZero;
use std::time::Duration;

use crate::OutOfRange;

/// Defines a type for the numbers from 1 to a maximum. `count`: it holds a number of something. `time`: it holds a
/// [`Duration`], rounded down to milliseconds.
macro_rules! bounded {
    (
        $(#[$about:meta])*
        count $name:ident(NonZero<$number:ty>): $unit:literal, max $max:expr, default $default:expr
    ) => {
        bounded!(@type $(#[$about])* $name, $number, $unit, $max, $default, u64, |count| count as u128);

        impl $name {
            /// Returns the number.
            #[must_use]
            pub const fn get(self) -> $number {
                self.0.get()
            }
        }
    };
    (
        $(#[$about:meta])*
        time $name:ident(NonZero<$number:ty>), max $max:expr, default $default:expr
    ) => {
        bounded!(
            @type $(#[$about])* $name, $number, "milliseconds", $max, $default,
            Duration, |duration| duration.as_millis()
        );

        impl $name {
            /// Returns the duration, in whole milliseconds.
            #[must_use]
            pub const fn get(self) -> Duration {
                Duration::from_millis(self.0.get() as u64)
            }
        }
    };
    (
        @type $(#[$about:meta])* $name:ident, $number:ty, $unit:literal, $max:expr, $default:expr,
        $given:ty, |$value:ident| $to_number:expr
    ) => {
        $(#[$about])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(NonZero<$number>);

        impl $name {
            /// The minimum.
            pub const MIN: Self = Self(NonZero::<$number>::MIN);
            /// The maximum.
            pub const MAX: Self = Self(NonZero::new($max).unwrap());
            /// The default.
            pub const DEFAULT: Self = Self(NonZero::new($default).unwrap());

            /// Returns `None` if out of range.
            #[must_use]
            pub const fn new($value: $given) -> Option<Self> {
                let number: u128 = $to_number;
                if number > Self::MAX.0.get() as u128 {
                    return None;
                }
                #[allow(clippy::cast_possible_truncation, reason = "at most the maximum")]
                match NonZero::new(number as $number) {
                    Some(number) => Some(Self(number)),
                    None => None,
                }
            }
        }

        impl TryFrom<$given> for $name {
            type Error = OutOfRange;

            fn try_from(value: $given) -> Result<Self, OutOfRange> {
                Self::new(value).ok_or(OutOfRange { max: Self::MAX.0.get().into(), unit: $unit })
            }
        }

        impl From<$name> for $given {
            fn from(value: $name) -> Self {
                value.get().into()
            }
        }

        impl Default for $name {
            fn default() -> Self {
                Self::DEFAULT
            }
        }
    };
}

bounded! {
    /// The number of entries of a cache at most: 1 to 100 million. Entries are blobs, not keys. The default is 10,000.
    ///
    /// ```
    /// use tls_resumption_core::Capacity;
    ///
    /// assert_eq!(Capacity::new(5).map(Capacity::get), Some(5));
    /// assert_eq!(Capacity::new(0), None);
    /// assert_eq!(Capacity::new(100_000_001), None);
    /// ```
    count Capacity(NonZero<u32>): "entries", max 100_000_000, default 10_000
}

bounded! {
    /// The bytes of the blobs of a cache at most: 1 to 2³⁷ − 1. Metadata does not count. The default is 64 MiB.
    ///
    /// ```
    /// use tls_resumption_core::ByteBudget;
    ///
    /// assert_eq!(ByteBudget::new(1024).map(ByteBudget::get), Some(1024));
    /// assert_eq!(ByteBudget::new(0), None);
    /// assert_eq!(ByteBudget::new(1 << 37), None);
    /// ```
    count ByteBudget(NonZero<u64>): "bytes", max (1 << 37) - 1, default 64 << 20
}

impl ByteBudget {
    /// Returns the length of a blob at most: the budget, and no more than 31 bits, because lengths in some other languages
    /// have that many.
    pub(crate) fn longest_blob(self) -> u64 {
        self.get().min((1 << 31) - 1)
    }
}

bounded! {
    /// The number of entries that [`Cache::add`](crate::Cache::add) keeps under one key: 1 to 255. The default is 4.
    ///
    /// ```
    /// use tls_resumption_core::TicketsPerKey;
    ///
    /// assert_eq!(TicketsPerKey::new(2).map(TicketsPerKey::get), Some(2));
    /// assert_eq!(TicketsPerKey::new(0), None);
    /// assert_eq!(TicketsPerKey::new(256), None);
    /// ```
    count TicketsPerKey(NonZero<u8>): "entries", max 255, default 4
}

bounded! {
    /// The lifetime of an entry: 1 to 2³² − 1 milliseconds, which is 49 days. The default is an hour.
    ///
    /// TLS 1.3 permits at most 7 days (RFC 8446, section 4.6.1). The caller has to respect that. This range only keeps
    /// sums of times from overflowing.
    ///
    /// ```
    /// use std::time::Duration;
    /// use tls_resumption_core::Ttl;
    ///
    /// let minute = Duration::from_secs(60);
    /// assert_eq!(Ttl::new(minute).map(Ttl::get), Some(minute));
    /// assert_eq!(Ttl::new(Duration::from_nanos(999_999)), None);
    /// assert_eq!(Ttl::new(Duration::from_millis(1 << 32)), None);
    /// ```
    time Ttl(NonZero<u32>), max u32::MAX, default 3_600_000
}

impl Ttl {
    pub(crate) fn as_millis(self) -> u64 {
        self.0.get().into()
    }
}

bounded! {
    /// The pause between two background sweeps of a cache: 1 to 2³² − 1 milliseconds. The default is a minute.
    time SweepInterval(NonZero<u32>), max u32::MAX, default 60_000
}

bounded! {
    /// The number of keys of a [`KeyRing`](crate::KeyRing) at most, the active one included: 1 to 64.
    ///
    /// A search reads all keys, so there are never many. The default is 3. With an hour each they decrypt tickets for two
    /// hours, which is the lifetime in Node.js.
    count Keep(NonZero<u8>): "keys", max 64, default 3
}

bounded! {
    /// How long a ticket key stays active: 1 millisecond to 7 days, which no ticket outlives (RFC 8446, section 4.6.1).
    /// The default is an hour.
    time RotateEvery(NonZero<u32>), max 7 * 24 * 60 * 60 * 1000, default 3_600_000
}

impl RotateEvery {
    pub(crate) fn as_millis(self) -> u64 {
        self.0.get().into()
    }
}
