use std::fmt;
use std::sync::Arc;

use crate::{
    BuildError, ByteBudget, Cache, Capacity, Clock, Options, SweepInterval, SystemClock,
    TicketsPerKey, Ttl,
};

/// Builds a [`Cache`]. Every value it takes was checked when it was made, so all that can be missing is the system's.
///
/// ```
/// use tls_resumption_core::{Cache, Capacity, Ttl};
///
/// let cache = Cache::builder()
///     .max(Capacity::new(500).unwrap())
///     .ttl(Ttl::from_millis(60_000).unwrap())
///     .single_use(true)
///     .build();
/// assert!(cache.options().single_use);
/// ```
#[must_use = "a builder does nothing until `build`"]
#[derive(Clone, Default)]
pub struct Builder {
    options: Options,
    clock: Option<Arc<dyn Clock>>,
}

impl Builder {
    /// Entries at most; default [`Capacity::DEFAULT`].
    pub fn max(mut self, max: Capacity) -> Self {
        self.options.max = max;
        self
    }

    /// Bytes of blobs at most; default [`ByteBudget::DEFAULT`].
    pub fn max_bytes(mut self, max_bytes: ByteBudget) -> Self {
        self.options.max_bytes = max_bytes;
        self
    }

    /// How long an entry lives at most; default [`Ttl::DEFAULT`].
    pub fn ttl(mut self, ttl: Ttl) -> Self {
        self.options.ttl = ttl;
        self
    }

    /// Entries under one key at most; default [`TicketsPerKey::DEFAULT`].
    pub fn tickets_per_key(mut self, tickets_per_key: TicketsPerKey) -> Self {
        self.options.tickets_per_key = tickets_per_key;
        self
    }

    /// Whether [`Cache::offer`] hands out an entry once only, unless the entry is
    /// [reusable](crate::EntryOptions::reusable); default `false`.
    pub fn single_use(mut self, single_use: bool) -> Self {
        self.options.single_use = single_use;
        self
    }

    /// The rest between two background sweeps, or `None` for no background sweep; default
    /// [`SweepInterval::DEFAULT`].
    pub fn sweep_interval(mut self, sweep_interval: impl Into<Option<SweepInterval>>) -> Self {
        self.options.sweep_interval = sweep_interval.into();
        self
    }

    /// Where the time comes from; default a [`SystemClock`].
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = Some(clock);
        self
    }

    /// The options as set so far.
    #[must_use]
    pub fn options(&self) -> &Options {
        &self.options
    }

    /// The cache. With a sweep interval, and if no other cache has one, this starts the process's one sweeping
    /// thread; should the system refuse a thread, expired entries go by reads and insertions alone.
    ///
    /// ```
    /// use tls_resumption_core::{ByteBudget, Cache, BuildError};
    ///
    /// // Each reserves some hundred gigabytes of address space, of which a process has 128 terabytes at most.
    /// let builder = || Cache::builder().max_bytes(ByteBudget::MAX);
    /// let caches: Result<Vec<Cache>, BuildError> = (0..2000).map(|_| builder().try_build()).collect();
    /// # if cfg!(target_pointer_width = "64") {
    /// assert!(matches!(caches, Err(BuildError::AddressSpace { .. })));
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// [`BuildError`] if the system has no address space for as much as the options allow, or no random bytes.
    pub fn try_build(self) -> Result<Cache, BuildError> {
        let clock = self.clock.unwrap_or_else(|| Arc::new(SystemClock::new()));
        Cache::with(self.options, clock)
    }

    /// The same, for options that are known to be modest.
    ///
    /// # Panics
    ///
    /// Where [`try_build`](Self::try_build) has an error.
    #[must_use]
    pub fn build(self) -> Cache {
        self.try_build().unwrap_or_else(|unavailable| panic!("{unavailable}"))
    }
}

impl fmt::Debug for Builder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Builder").field("options", &self.options).finish_non_exhaustive()
    }
}
