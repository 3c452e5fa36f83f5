/// The memory of blobs, and how it is protected.
///
/// ```
/// # use tls_resumption_core::{Cache, EntryOptions, Key};
/// let cache = Cache::builder().build();
/// assert_eq!(cache.memory().used, 0);
/// cache.put(Key::new(b"peer").unwrap(), b"session", EntryOptions::default()).unwrap();
/// assert_eq!(cache.memory().used, 256);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Memory {
    /// The most bytes that blobs have taken so far, in blocks. Later blobs use what earlier ones gave back.
    pub used: u64,
    /// Bytes that the system does not write to swap space. At most [`used`](Self::used), rounded up to whole steps.
    ///
    /// It is less if the process may lock no more memory, see [`limit_locked_memory`]. On Windows a process may lock
    /// little unless it raises its minimum working set.
    pub locked: u64,
    /// True if the system excludes all of it from core dumps (Linux), or from error reports (Windows 10 version 1703).
    pub excluded_from_core_dumps: bool,
    /// The most entries that the cache has had at the same time, give or take some that threads had in hand.
    pub highest_node: u64,
}

/// What a cache did since it was built, and what it holds.
///
/// Every entry that was ever stored is accounted for. While no other thread is in the middle of a call,
/// `sets == takes + deletes + replaced + cleared + evictions + expirations + size`. Entries that a
/// [`clear`](crate::Cache::clear) removed count as cleared when they are wiped.
///
/// ```
/// # use tls_resumption_core::{Cache, EntryOptions, Key};
/// let cache = Cache::builder().build();
/// let key = Key::new(b"peer").unwrap();
/// cache.put(key, b"session", EntryOptions::default()).unwrap();
/// cache.get(key);
/// let stats = cache.stats();
/// assert_eq!((stats.sets, stats.hits, stats.misses, stats.size, stats.bytes), (1, 1, 0, 1, 7));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Stats {
    /// Calls of get, offer and take that returned a blob.
    pub hits: u64,
    /// Calls of get, offer and take that found no live entry.
    pub misses: u64,
    /// Entries stored by put and add.
    pub sets: u64,
    /// Entries removed by being handed out: by take, and by offer if it is single use.
    pub takes: u64,
    /// Live entries removed by remove.
    pub deletes: u64,
    /// Live entries that put overwrote, or that add removed because their key had too many.
    pub replaced: u64,
    /// Entries removed by clear, expired ones included.
    pub cleared: u64,
    /// Live entries removed to make room.
    pub evictions: u64,
    /// Entries removed because they had expired.
    pub expirations: u64,
    /// Blobs that were [rejected](crate::Rejected).
    pub rejected: u64,
    /// Sweeps completed: on request, after insertions, and in the background.
    pub sweeps: u64,
    /// Entries stored now, including expired ones that no call has met yet.
    pub size: u64,
    /// Bytes of the blobs stored now.
    pub bytes: u64,
}

/// A limit of memory that is kept out of swap space.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum LockedMemory {
    /// A number of bytes.
    Bytes(u64),
    /// A part of what the system permits (`RLIMIT_MEMLOCK`), in percent. More than 100 counts as 100.
    Percent(u8),
}

/// Limits how much memory all caches and ticket key rings of the process lock together. The default is a quarter of what
/// the system permits, because other parts of the process may need the rest.
///
/// Memory that is locked already stays locked. A cache that has met the limit does not lock more memory later.
///
/// ```
/// use tls_resumption_core::{LockedMemory, limit_locked_memory};
///
/// limit_locked_memory(LockedMemory::Percent(50));
/// limit_locked_memory(LockedMemory::Bytes(16 << 20));
/// ```
pub fn limit_locked_memory(limit: LockedMemory) {
    #[cfg(not(loom))]
    crate::store::memory::mlock::PROCESS.limit_to(limit);
    #[cfg(loom)]
    let _ = limit;
}
