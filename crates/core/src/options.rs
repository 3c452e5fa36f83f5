use crate::{ByteBudget, Capacity, SweepInterval, TicketsPerKey, Ttl};

/// What a cache was built with. Equal options make caches that behave alike (their clocks apart).
///
/// Set through the [`Builder`](crate::Builder), read through [`Cache::options`](crate::Cache::options).
///
/// ```
/// use tls_resumption_core::{Cache, Capacity, Options};
///
/// assert_eq!(*Cache::builder().build().options(), Options::default());
/// assert_eq!(Options::default().max, Capacity::DEFAULT);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Options {
    /// Entries at most. Default: 10 000.
    pub max: Capacity,
    /// Bytes of blobs and [annotations](crate::Annotation) at most. Default: 64 MiB.
    pub max_bytes: ByteBudget,
    /// How long an entry lives, unless its own [`EntryOptions::ttl`] is shorter. Default: an hour.
    pub ttl: Ttl,
    /// Entries under one key at most. Default: 4.
    pub tickets_per_key: TicketsPerKey,
    /// Whether [`Cache::offer`](crate::Cache::offer) hands out an entry once only. Default: `false`.
    pub single_use: bool,
    /// The rest between two background sweeps; `None`: no background sweep. Default: a minute.
    pub sweep_interval: Option<SweepInterval>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            max: Capacity::DEFAULT,
            max_bytes: ByteBudget::DEFAULT,
            ttl: Ttl::DEFAULT,
            tickets_per_key: TicketsPerKey::DEFAULT,
            single_use: false,
            sweep_interval: Some(SweepInterval::DEFAULT),
        }
    }
}

/// What is particular to one entry.
///
/// ```
/// use tls_resumption_core::{Cache, EntryOptions, Key, Ttl};
///
/// let cache = Cache::builder().build();
/// let key = Key::new(b"peer").unwrap();
/// let hinted = EntryOptions { ttl: Ttl::from_millis(300_000), ..EntryOptions::default() };
/// cache.put(key, b"session", hinted).unwrap();
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct EntryOptions {
    /// A lifetime of its own, such as the peer's hint. It can only shorten [`Options::ttl`]. Default: none.
    pub ttl: Option<Ttl>,
    /// Whether it may be offered again even by a cache with [`Options::single_use`]. Default: `false`.
    ///
    /// For TLS 1.2 sessions: they may be resumed any number of times, and a resumption brings no new one, so a
    /// cache that gave them up on first use would resume every second connection only. A TLS 1.3 ticket that is
    /// used twice lets an onlooker link the two connections (RFC 8446, appendix C.4).
    pub reusable: bool,
}
