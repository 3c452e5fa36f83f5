use std::fmt;
use std::sync::Arc;

use crate::{
    BuildError, ByteBudget, Cache, Capacity, Clock, Options, SweepInterval, SystemClock,
    TicketsPerKey, Ttl,
};

/// Builds a [`Cache`]. The types of its values check their ranges, so only the system can make it fail.
///
/// ```
/// use std::time::Duration;
/// use tls_resumption_core::{Cache, Capacity, Ttl};
///
/// let cache = Cache::builder()
///     .max(Capacity::new(500).unwrap())
///     .ttl(Ttl::new(Duration::from_secs(60)).unwrap())
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
    /// Sets how many entries the cache holds at most. Default: [`Capacity::DEFAULT`].
    pub fn max(mut self, max: Capacity) -> Self {
        self.options.max = max;
        self
    }

    /// Sets how many bytes of blobs the cache holds at most. Default: [`ByteBudget::DEFAULT`].
    pub fn max_bytes(mut self, max_bytes: ByteBudget) -> Self {
        self.options.max_bytes = max_bytes;
        self
    }

    /// Sets how long an entry lives at most. Default: [`Ttl::DEFAULT`].
    pub fn ttl(mut self, ttl: Ttl) -> Self {
        self.options.ttl = ttl;
        self
    }

    /// Sets how many entries a key has at most. Default: [`TicketsPerKey::DEFAULT`].
    pub fn tickets_per_key(mut self, tickets_per_key: TicketsPerKey) -> Self {
        self.options.tickets_per_key = tickets_per_key;
        self
    }

    /// Sets whether [`Cache::offer`] returns an entry only once, unless it is [reusable](crate::EntryOptions::reusable).
    /// Default: `false`.
    pub fn single_use(mut self, single_use: bool) -> Self {
        self.options.single_use = single_use;
        self
    }

    /// Sets the pause between two background sweeps; `None` means no background sweep. Default:
    /// [`SweepInterval::DEFAULT`].
    pub fn sweep_interval(mut self, sweep_interval: impl Into<Option<SweepInterval>>) -> Self {
        self.options.sweep_interval = sweep_interval.into();
        self
    }

    /// Sets the clock. Default: a [`SystemClock`].
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = Some(clock);
        self
    }

    /// Returns the options as set so far.
    #[must_use]
    pub fn options(&self) -> &Options {
        &self.options
    }

    /// Builds the cache.
    ///
    /// The first cache with a sweep interval starts the background thread of the process. If the system refuses a thread,
    /// only reads and insertions remove expired entries.
    ///
    /// ```
    /// use tls_resumption_core::{ByteBudget, Cache, BuildError};
    ///
    /// // Each reserves some hundred gigabytes of address space. A process has at most 128 terabytes.
    /// let builder = || Cache::builder().max_bytes(ByteBudget::MAX);
    /// let caches: Result<Vec<Cache>, BuildError> = (0..2000).map(|_| builder().try_build()).collect();
    /// # if cfg!(target_pointer_width = "64") {
    /// assert!(matches!(caches, Err(BuildError::AddressSpace { .. })));
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// [`BuildError`] if the system has not enough address space for the options, or no random bytes.
    pub fn try_build(self) -> Result<Cache, BuildError> {
        let clock = self.clock.unwrap_or_else(|| Arc::new(SystemClock::new()));
        Cache::with(self.options, clock)
    }

    /// Returns the clock, and true if it is the system's. The system's clock counts from the start of the machine.
    #[cfg(all(target_os = "linux", target_pointer_width = "64", not(any(loom, miri))))]
    pub(crate) fn into_clock_since_boot(self) -> (Arc<dyn Clock>, bool) {
        let is_system = self.clock.is_none();
        (self.clock.unwrap_or_else(|| Arc::new(SystemClock::since_boot())), is_system)
    }

    /// Builds the cache like [`try_build`](Self::try_build), for options that are known to be modest.
    ///
    /// # Panics
    ///
    /// If [`try_build`](Self::try_build) returns an error.
    #[must_use]
    pub fn build(self) -> Cache {
        self.try_build().unwrap_or_else(|error| panic!("{error}"))
    }
}

impl fmt::Debug for Builder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Builder").field("options", &self.options).finish_non_exhaustive()
    }
}
