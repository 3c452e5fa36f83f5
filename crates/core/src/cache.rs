use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use crate::call_time::CallTime;
use crate::read_mode::{Destination, OwnedBuffer, ReadMode};
use crate::single_flight::Leases;
use crate::store::Store;
use crate::{
    Blob, BufferTooSmall, BuildError, Builder, Clock, EntryOptions, Key, Leadership, Lease, Memory,
    Options, Rejected, Stats, sweeper,
};

/// Up to this many bytes of blocks are wiped by the thread that drops the last handle.
const WIPE_AT_ONCE: u64 = 4 << 20;

const MAX_LEASE: Duration = Duration::from_secs(365 * 24 * 60 * 60);

/// A bounded cache of TLS session blobs, for any number of threads.
///
/// Every method takes `&self`, and none waits for another thread.
///
/// ```
/// use tls_resumption_core::{Cache, EntryOptions, Key};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let cache = Cache::builder().single_use(true).build();
/// let key = Key::new(b"example.org:443")?;
/// cache.add(key, b"first ticket", EntryOptions::default())?;
/// cache.add(key, b"second ticket", EntryOptions::default())?;
///
/// assert_eq!(cache.offer(key).as_deref(), Some(&b"second ticket"[..]));
/// assert_eq!(cache.offer(key).as_deref(), Some(&b"first ticket"[..]));
/// assert!(cache.offer(key).is_none());
/// # Ok(())
/// # }
/// ```
pub struct Cache {
    inner: Arc<CacheInner>,
}

impl Cache {
    /// A builder with the default [`Options`].
    pub fn builder() -> Builder {
        Builder::default()
    }

    pub(crate) fn with(options: Options, clock: Arc<dyn Clock>) -> Result<Self, BuildError> {
        let inner = Arc::new(CacheInner::new(options, clock)?);
        if let Some(interval) = options.sweep_interval {
            sweeper::register(&inner, interval);
        }
        Ok(Self { inner })
    }

    /// Stores a copy of `blob` under `key`, in the place of all entries there were. No other thread ever finds
    /// the key absent in between.
    ///
    /// If there is no room, expired entries go, the longest expired first, then the least recently used ones.
    /// Every 100th insertion is followed by a [sweep](Self::sweep).
    ///
    /// # Errors
    ///
    /// [`Rejected`] if the blob is empty or larger than [`Options::max_bytes`]; what was stored stays.
    pub fn put(&self, key: Key<'_>, blob: &[u8], options: EntryOptions) -> Result<(), Rejected> {
        let inner = &self.inner;
        self.sweep_if_due(inner.store.put(key, blob, options, &inner.now()))
    }

    /// Stores a copy of `blob` under `key` as the newest of its entries. With [`Options::tickets_per_key`] there
    /// already, the oldest of the key goes. Makes room and sweeps as [`put`](Self::put) does.
    ///
    /// # Errors
    ///
    /// [`Rejected`] if the blob is empty or larger than [`Options::max_bytes`]; what was stored stays.
    pub fn add(&self, key: Key<'_>, blob: &[u8], options: EntryOptions) -> Result<(), Rejected> {
        let inner = &self.inner;
        self.sweep_if_due(inner.store.add(key, blob, options, &inner.now()))
    }

    /// A copy of the newest live blob under `key`, which becomes the most recently used entry. It does not count
    /// as offered.
    #[must_use = "to test for presence, `contains` changes no recency"]
    pub fn get(&self, key: Key<'_>) -> Option<Blob> {
        self.read(key, ReadMode::Get)
    }

    /// What a connection should offer its peer now: the newest live blob that was not offered yet, or with none
    /// such the newest live one again. It counts as offered and becomes the most recently used entry.
    ///
    /// With [`Options::single_use`] an entry is removed by being offered, so that no ticket is ever offered twice
    /// (RFC 8446, appendix C.4), unless it was stored as [reusable](EntryOptions::reusable).
    #[must_use = "what was offered does not count as unused any more, or is gone"]
    pub fn offer(&self, key: Key<'_>) -> Option<Blob> {
        self.read(key, ReadMode::Offer)
    }

    /// The newest live blob under `key`, removed. Of all threads that take, exactly one gets each blob.
    #[must_use = "the blob is gone from the cache; to drop all of a key's, use `remove`"]
    pub fn take(&self, key: Key<'_>) -> Option<Blob> {
        self.read(key, ReadMode::Take)
    }

    /// Like [`get`](Self::get), into the beginning of `out`; returns the blob's length in bytes. Without a blob
    /// `out` stays as it was, as do the bytes behind the blob. Wiping `out` after use is the caller's part.
    ///
    /// # Errors
    ///
    /// [`BufferTooSmall`] if the blob does not fit. Then nothing at all has changed, no counter either.
    pub fn get_into(&self, key: Key<'_>, out: &mut [u8]) -> Result<Option<usize>, BufferTooSmall> {
        self.read_into(key, ReadMode::Get, out)
    }

    /// Like [`offer`](Self::offer), into the beginning of `out`, as [`get_into`](Self::get_into) does.
    ///
    /// # Errors
    ///
    /// [`BufferTooSmall`] if the blob does not fit. Then nothing at all has changed: it was not offered.
    pub fn offer_into(
        &self,
        key: Key<'_>,
        out: &mut [u8],
    ) -> Result<Option<usize>, BufferTooSmall> {
        self.read_into(key, ReadMode::Offer, out)
    }

    /// Like [`take`](Self::take), into the beginning of `out`, as [`get_into`](Self::get_into) does.
    ///
    /// # Errors
    ///
    /// [`BufferTooSmall`] if the blob does not fit. Then nothing at all has changed: it was not taken.
    pub fn take_into(&self, key: Key<'_>, out: &mut [u8]) -> Result<Option<usize>, BufferTooSmall> {
        self.read_into(key, ReadMode::Take, out)
    }

    /// Whether there is a live entry under `key`. Changes neither recency nor the counts of hits and misses.
    #[must_use]
    pub fn contains(&self, key: Key<'_>) -> bool {
        self.inner.store.contains(key, &self.inner.now())
    }

    /// Removes all entries under `key` and returns how many live ones there were.
    #[expect(clippy::must_use_candidate, reason = "what matters is that they are gone")]
    pub fn remove(&self, key: Key<'_>) -> usize {
        self.inner.store.remove(key, &self.inner.now())
    }

    /// Removes all entries, at once for all threads.
    ///
    /// In a cache that has never had more than about 2,000 entries they are wiped when the call returns. In a larger one
    /// a background thread wipes them; to wait for that, call [`finish_clear`](Self::finish_clear). Entries that other
    /// calls are storing or removing at that moment are wiped before these return.
    pub fn clear(&self) {
        if let Some(drain) = self.inner.store.clear()
            && !sweeper::drain(&self.inner)
        {
            self.inner.store.finish(drain);
        }
    }

    /// Wipes what [`clear`](Self::clear) has removed and the background thread has not wiped yet.
    ///
    /// ```
    /// use tls_resumption_core::{Cache, EntryOptions, Key};
    ///
    /// let (cache, key) = (Cache::default(), Key::new(b"example.org:443").unwrap());
    /// cache.put(key, b"a session", EntryOptions::default()).unwrap();
    /// cache.clear();
    /// cache.finish_clear();
    /// assert_eq!(cache.stats().cleared, 1);
    /// ```
    pub fn finish_clear(&self) {
        if self.inner.store.is_draining() {
            self.inner.store.finish(self.inner.store.drain());
        }
    }

    /// Removes every entry that had expired when the call began, and returns how many it removed itself.
    #[expect(clippy::must_use_candidate, reason = "what matters is that they are gone")]
    pub fn sweep(&self) -> usize {
        let now = self.inner.clock.now();
        let (mut removed, mut from) = (0, Some(0));
        while let Some(start) = from {
            let (gone, next) = self.inner.store.sweep_step(start, now);
            removed += gone;
            from = next;
        }
        removed
    }

    /// For a connection that finds no entry under `key`: whether it is to do the full handshake for all that begin
    /// now, or to wait for the one that does. A lease ends by itself after `time` (whole milliseconds, a year at most);
    /// after one that did so, or that was released without fruit, the key has no leader for ten minutes.
    ///
    /// Whoever leads looks once more for an entry, since another leader may just have stored one. With
    /// [`Options::single_use`] a ticket serves one connection, so nobody leads.
    ///
    /// ```
    /// use std::time::Duration;
    /// use tls_resumption_core::{Cache, Key, Leadership};
    ///
    /// let (cache, key) = (Cache::default(), Key::new(b"example.org:443").unwrap());
    /// let Leadership::Leads(lease) = cache.lead(key, Duration::from_secs(1)) else { panic!() };
    /// assert_eq!(cache.lead(key, Duration::from_secs(1)), Leadership::Follows);
    /// assert!(cache.release(key, lease, true)); // somebody waits
    /// ```
    #[must_use = "a leader must release its lease, or the others wait in vain"]
    pub fn lead(&self, key: Key<'_>, time: Duration) -> Leadership {
        if self.options().single_use {
            return Leadership::Alone;
        }
        let time = time.min(MAX_LEASE).as_millis();
        self.inner.leases.lead(key, u64::try_from(time).unwrap_or(0), self.inner.clock.now())
    }

    /// Whether a connection that begins now has a reason to call [`lead`](Self::lead): there is nothing for it to offer,
    /// and the last leader has not come back with nothing.
    ///
    /// ```
    /// use tls_resumption_core::{Cache, Key};
    ///
    /// let (cache, key) = (Cache::default(), Key::new(b"example.org:443").unwrap());
    /// assert!(cache.may_lead(key));
    /// ```
    #[must_use]
    pub fn may_lead(&self, key: Key<'_>) -> bool {
        let is_paused = || self.inner.leases.is_paused(key, self.inner.clock.now());
        !self.options().single_use && !self.contains(key) && !is_paused()
    }

    /// Ends a lease on `key`. `is_productive`: whether waiting for it was not in vain. Returns whether somebody waits;
    /// false also for a lease that was over.
    #[must_use = "who waits is to be told"]
    pub fn release(&self, key: Key<'_>, lease: Lease, is_productive: bool) -> bool {
        self.inner.leases.release(key, lease, is_productive, self.inner.clock.now())
    }

    /// How many entries there are, expired ones that nothing has met yet among them. Never more than
    /// [`Options::max`]. What other threads are just storing or removing may count.
    #[must_use]
    pub fn len(&self) -> usize {
        self.inner.store.len()
    }

    /// Whether there are no entries.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many bytes all blobs and annotations have together. Never more than [`Options::max_bytes`].
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.inner.store.bytes()
    }

    /// The counters and gauges. While other threads are at work they are not all of one moment.
    #[must_use]
    pub fn stats(&self) -> Stats {
        self.inner.store.stats()
    }

    /// The memory that blobs take, and how it is kept to this process.
    #[must_use]
    pub fn memory(&self) -> Memory {
        self.inner.store.memory()
    }

    /// What it was built with.
    #[must_use]
    pub fn options(&self) -> &Options {
        &self.inner.options
    }

    pub(crate) fn store(&self) -> &Store {
        self.inner.store()
    }

    pub(crate) fn now(&self) -> CallTime<'_> {
        self.inner.now()
    }

    pub(crate) fn sweep_if_due(
        &self,
        sweep_is_due: Result<bool, Rejected>,
    ) -> Result<(), Rejected> {
        if sweep_is_due? {
            self.inner.store.sweep_after_insert(&self.inner.now());
        }
        Ok(())
    }

    fn read(&self, key: Key<'_>, how: ReadMode) -> Option<Blob> {
        let mut blob = OwnedBuffer::default();
        // It has room for any blob, so there is no error to lose.
        let read = self.read_to(key, how, &mut blob).ok().flatten();
        read.map(|_| blob.into_blob())
    }

    fn read_into(
        &self,
        key: Key<'_>,
        how: ReadMode,
        mut out: &mut [u8],
    ) -> Result<Option<usize>, BufferTooSmall> {
        self.read_to(key, how, &mut out)
    }

    pub(crate) fn read_to(
        &self,
        key: Key<'_>,
        how: ReadMode,
        out: &mut impl Destination,
    ) -> Result<Option<usize>, BufferTooSmall> {
        self.inner.store.read(key, how, out, &self.inner.now())
    }
}

/// The state behind all handles of a cache. The background thread reaches it through a `Weak`, so that it keeps no
/// cache alive.
pub(crate) struct CacheInner {
    options: Options,
    clock: Arc<dyn Clock>,
    store: Store,
    leases: Leases,
    /// The number of [`Cache`]s. The background thread has references that do not count.
    handles: AtomicUsize,
}

impl CacheInner {
    fn new(options: Options, clock: Arc<dyn Clock>) -> Result<Self, BuildError> {
        let store = Store::new(options)?;
        Ok(Self { options, clock, store, leases: Leases::new(), handles: AtomicUsize::new(1) })
    }

    pub(crate) fn clock(&self) -> &dyn Clock {
        &*self.clock
    }

    pub(crate) fn store(&self) -> &Store {
        &self.store
    }

    fn now(&self) -> CallTime<'_> {
        CallTime::now(&*self.clock)
    }
}

impl Default for Cache {
    fn default() -> Self {
        Self::builder().build()
    }
}

/// Makes another handle of the same cache.
impl Clone for Cache {
    fn clone(&self) -> Self {
        // Relaxed: a handle exists, so the count is not 0.
        self.inner.handles.fetch_add(1, Ordering::Relaxed);
        Self { inner: Arc::clone(&self.inner) }
    }
}

/// Prints only the options, because blobs are secret and keys name peers.
impl fmt::Debug for Cache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cache").field("options", self.options()).finish_non_exhaustive()
    }
}

impl Drop for Cache {
    /// Wipes the memory with the last handle. If there is much of it, the background thread does so.
    fn drop(&mut self) {
        // Release: pairs with the acquire of the last handle. All other calls come before the wipe.
        if self.inner.handles.fetch_sub(1, Ordering::AcqRel) > 1 {
            return;
        }
        if self.options().sweep_interval.is_some() {
            sweeper::unregister(&self.inner);
        }
        let is_small = self.inner.store.memory().used <= WIPE_AT_ONCE;
        if is_small || !sweeper::retire(&self.inner) {
            self.inner.store.wipe();
        }
    }
}
