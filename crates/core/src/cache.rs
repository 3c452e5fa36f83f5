use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use crate::call_time::CallTime;
use crate::clock::whole_millis;
use crate::read_mode::{Destination, OwnedBuffer, ReadMode};
#[cfg(all(target_os = "linux", target_pointer_width = "64", not(any(loom, miri))))]
use crate::segment::handle::shared::SharedTable;
use crate::single_flight::Leases;
use crate::store::Backend;
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
/// A handle: clones share the same entries. Every method takes `&self`, and none waits for another thread.
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
    /// Returns a builder with the default [`Options`].
    pub fn builder() -> Builder {
        Builder::default()
    }

    pub(crate) fn with(options: Options, clock: Arc<dyn Clock>) -> Result<Self, BuildError> {
        let inner = CacheInner::new(options, clock)?;
        Ok(Self::start(inner))
    }

    /// Makes a cache of a table of a segment.
    #[cfg(all(target_os = "linux", target_pointer_width = "64", not(any(loom, miri))))]
    pub(crate) fn over(table: SharedTable, options: Options, clock: Arc<dyn Clock>) -> Self {
        let store = Backend::Shared(table);
        Self::start(CacheInner { options, clock, store, handles: AtomicUsize::new(1) })
    }

    fn start(inner: CacheInner) -> Self {
        let (interval, inner) = (inner.options.sweep_interval, Arc::new(inner));
        if let Some(interval) = interval {
            sweeper::register(&inner, interval);
        }
        Self { inner }
    }

    /// Stores a copy of `blob` under `key` and removes all other entries of the key. No thread finds the key absent in
    /// between.
    ///
    /// If there is no room, other entries are evicted. Every hundredth insertion is followed by a step of a
    /// [sweep](Self::sweep).
    ///
    /// # Errors
    ///
    /// [`Rejected`] if the blob is empty or larger than [`Options::max_bytes`]. The entries of the key stay.
    pub fn put(&self, key: Key<'_>, blob: &[u8], options: EntryOptions) -> Result<(), Rejected> {
        let inner = &self.inner;
        self.sweep_if_due(inner.store.put(key, blob, options, &inner.now()))
    }

    /// Stores a copy of `blob` under `key` as its newest entry. If the key has [`Options::tickets_per_key`] entries
    /// already, removes the oldest. Evicts and sweeps as [`put`](Self::put) does.
    ///
    /// # Errors
    ///
    /// [`Rejected`] if the blob is empty or larger than [`Options::max_bytes`]. The entries of the key stay.
    pub fn add(&self, key: Key<'_>, blob: &[u8], options: EntryOptions) -> Result<(), Rejected> {
        let inner = &self.inner;
        self.sweep_if_due(inner.store.add(key, blob, options, &inner.now()))
    }

    /// Returns a copy of the newest live blob under `key`, which becomes the most recently used entry. It does not count
    /// as offered.
    #[must_use = "to test for presence, `contains` changes no recency"]
    pub fn get(&self, key: Key<'_>) -> Option<Blob> {
        self.read(key, ReadMode::Get)
    }

    /// Returns the blob that a connection should offer now. That is the newest live one that was not offered yet, or else
    /// the newest live one. It counts as offered and becomes the most recently used entry.
    ///
    /// With [`Options::single_use`] an offer removes the entry, so that no ticket is offered twice (RFC 8446, appendix
    /// C.4). Entries that were stored as [reusable](EntryOptions::reusable) stay.
    #[must_use = "an offered entry does not count as unused any more, or is removed"]
    pub fn offer(&self, key: Key<'_>) -> Option<Blob> {
        self.read(key, ReadMode::Offer)
    }

    /// Removes the newest live blob under `key` and returns it. Of all threads that take, exactly one gets each blob.
    #[must_use = "the blob is gone from the cache; to drop all of a key's, use `remove`"]
    pub fn take(&self, key: Key<'_>) -> Option<Blob> {
        self.read(key, ReadMode::Take)
    }

    /// Copies the blob of [`get`](Self::get) into the beginning of `out`. Returns its length in bytes.
    ///
    /// Without a blob `out` does not change, and neither do the bytes after a blob. The caller wipes `out` after use.
    ///
    /// # Errors
    ///
    /// [`BufferTooSmall`] if the blob does not fit. Then nothing has changed, not even a counter.
    pub fn get_into(&self, key: Key<'_>, out: &mut [u8]) -> Result<Option<usize>, BufferTooSmall> {
        self.read_into(key, ReadMode::Get, out)
    }

    /// Copies the blob of [`offer`](Self::offer) into the beginning of `out`, as [`get_into`](Self::get_into) does.
    ///
    /// # Errors
    ///
    /// [`BufferTooSmall`] if the blob does not fit. Then nothing has changed: it was not offered.
    pub fn offer_into(
        &self,
        key: Key<'_>,
        out: &mut [u8],
    ) -> Result<Option<usize>, BufferTooSmall> {
        self.read_into(key, ReadMode::Offer, out)
    }

    /// Copies the blob of [`take`](Self::take) into the beginning of `out`, as [`get_into`](Self::get_into) does.
    ///
    /// # Errors
    ///
    /// [`BufferTooSmall`] if the blob does not fit. Then nothing has changed: it was not taken.
    pub fn take_into(&self, key: Key<'_>, out: &mut [u8]) -> Result<Option<usize>, BufferTooSmall> {
        self.read_into(key, ReadMode::Take, out)
    }

    /// True if there is a live entry under `key`. Changes neither recency nor the counts of hits and misses.
    #[must_use]
    pub fn contains(&self, key: Key<'_>) -> bool {
        self.inner.store.contains(key, &self.inner.now())
    }

    /// Removes all entries that `key` has when the call begins. Returns how many live ones it removed.
    #[expect(clippy::must_use_candidate, reason = "callers want the removal")]
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
        if let Some(drain) = self.inner.store.drain() {
            self.inner.store.finish(drain);
        }
    }

    /// Removes every entry that had expired when the call began. Returns how many it removed itself.
    #[expect(clippy::must_use_candidate, reason = "callers want the removal")]
    pub fn sweep(&self) -> usize {
        let now = self.inner.exact_millis();
        let (mut removed, mut from) = (0, Some(0));
        while let Some(start) = from {
            let (gone, next) = self.inner.store.sweep_step(start, now);
            removed += gone;
            from = next;
        }
        removed
    }

    /// Says that the offers of this process under `key` came to a conclusive end: the peer answered.
    ///
    /// A cache of a [`Segment`](crate::Segment) outlives a process that hangs on an offer and is killed. So there an offered
    /// session is pending until this call. It is not offered any more after two minutes, or if its process has ended. In
    /// another cache the call does nothing.
    pub fn settle(&self, key: Key<'_>) {
        self.inner.store.settle(key);
    }

    /// Asks for the lease on `key`, for a connection that found no entry. The leader does the full handshake for all
    /// connections that begin now, and the others may wait for its session.
    ///
    /// A lease ends by itself after `time`, in whole milliseconds and at most a year. If it ended so, or was released as
    /// unproductive, the key has no leader for ten minutes. The leader looks for an entry once more, because another
    /// leader may just have stored one. With [`Options::single_use`] a ticket serves one connection, so there is no
    /// leader.
    ///
    /// ```
    /// use std::time::Duration;
    /// use tls_resumption_core::{Cache, Key, Leadership};
    ///
    /// let (cache, key) = (Cache::default(), Key::new(b"example.org:443").unwrap());
    /// let Leadership::Leads(lease) = cache.lead(key, Duration::from_secs(1)) else { panic!() };
    /// assert_eq!(cache.lead(key, Duration::from_secs(1)), Leadership::Follows);
    /// assert!(cache.release(key, lease, true)); // it has a follower
    /// ```
    #[must_use = "a leader must release its lease, or its followers wait until it ends"]
    pub fn lead(&self, key: Key<'_>, time: Duration) -> Leadership {
        if self.options().single_use {
            return Leadership::Independent;
        }
        let time = whole_millis(time.min(MAX_LEASE));
        self.inner.store.lead(key, time, self.inner.exact_millis())
    }

    /// Ends a lease on `key`. `is_productive`: the leader stored a session. Returns true if the lease has followers, and
    /// false if it had ended before.
    #[must_use = "followers have to be notified"]
    pub fn release(&self, key: Key<'_>, lease: Lease, is_productive: bool) -> bool {
        self.inner.store.release(key, lease, is_productive, self.inner.exact_millis())
    }

    /// Returns the number of entries, including expired ones that no call has met yet. Never more than [`Options::max`].
    /// Entries that other threads are storing or removing may count.
    #[must_use]
    pub fn len(&self) -> usize {
        self.inner.store.len()
    }

    /// True if there are no entries.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns the bytes of all blobs and annotations. Never more than [`Options::max_bytes`].
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.inner.store.bytes()
    }

    /// Returns the counters and gauges. While other threads work, they are not from one moment.
    #[must_use]
    pub fn stats(&self) -> Stats {
        self.inner.store.stats()
    }

    /// Returns the memory of the blobs, and how it is protected.
    #[must_use]
    pub fn memory(&self) -> Memory {
        self.inner.store.memory()
    }

    /// Returns the options that the cache was built with.
    #[must_use]
    pub fn options(&self) -> &Options {
        &self.inner.options
    }

    pub(crate) fn store(&self) -> &Backend {
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
        // It has room for any blob, so there is no error.
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
    store: Backend,
    /// The number of [`Cache`]s. The background thread has references that do not count.
    handles: AtomicUsize,
}

impl CacheInner {
    fn new(options: Options, clock: Arc<dyn Clock>) -> Result<Self, BuildError> {
        let store = Backend::Process(Store::new(options)?, Leases::new());
        Ok(Self { options, clock, store, handles: AtomicUsize::new(1) })
    }

    /// Returns the exact time in milliseconds.
    pub(crate) fn exact_millis(&self) -> u64 {
        whole_millis(self.clock.now())
    }

    pub(crate) fn store(&self) -> &Backend {
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
        let is_small = self.inner.store.bytes_to_wipe() <= WIPE_AT_ONCE;
        if is_small || !sweeper::retire(&self.inner) {
            self.inner.store.wipe();
        }
    }
}
