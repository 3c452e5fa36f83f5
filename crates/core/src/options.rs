use crate::{ByteBudget, Capacity, SweepInterval, TicketsPerKey, Ttl};

/// The options of a cache. The [`Builder`](crate::Builder) sets them, and [`Cache::options`](crate::Cache::options)
/// returns them.
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
    /// The number of entries at most. Default: 10,000.
    pub max: Capacity,
    /// The bytes of blobs and [annotations](crate::Annotation) at most. Default: 64 MiB.
    pub max_bytes: ByteBudget,
    /// How long an entry lives, unless its own [`EntryOptions::ttl`] is shorter. Default: an hour.
    pub ttl: Ttl,
    /// The number of entries of a key at most. Default: 4.
    pub tickets_per_key: TicketsPerKey,
    /// True if [`Cache::offer`](crate::Cache::offer) returns an entry only once. Default: `false`.
    pub single_use: bool,
    /// The pause between two background sweeps; `None` means no background sweep. Default: a minute.
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

/// The options of one entry.
///
/// ```
/// use std::time::Duration;
/// use tls_resumption_core::{Cache, EntryOptions, Key, Ttl};
///
/// let cache = Cache::builder().build();
/// let key = Key::new(b"peer").unwrap();
/// let hinted = EntryOptions::default().with_ttl(Ttl::new(Duration::from_secs(300)));
/// cache.put(key, b"session", hinted).unwrap();
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct EntryOptions {
    /// The lifetime of this entry, such as the peer's hint. It can only shorten [`Options::ttl`]. Default: none.
    pub ttl: Option<Ttl>,
    /// True if a cache with [`Options::single_use`] may also offer the entry again. Default: `false`.
    ///
    /// This is for TLS 1.2 sessions. They may be resumed any number of times, and a resumption brings no new one. If they
    /// were removed on first use, only every second connection would resume. A TLS 1.3 ticket that is used twice lets
    /// an observer link the two connections (RFC 8446, appendix C.4).
    pub reusable: bool,
}

impl EntryOptions {
    /// Sets [`ttl`](Self::ttl).
    #[must_use]
    pub fn with_ttl(self, ttl: impl Into<Option<Ttl>>) -> Self {
        Self { ttl: ttl.into(), ..self }
    }

    /// Sets [`reusable`](Self::reusable).
    #[must_use]
    pub fn with_reusable(self, reusable: bool) -> Self {
        Self { reusable, ..self }
    }
}
