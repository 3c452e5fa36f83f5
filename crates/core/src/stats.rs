/// The memory that blobs lie in, and how it is kept to this process.
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
    /// Bytes that blobs took so far at their most, in blocks. What blobs gave back is used for later ones.
    pub used: u64,
    /// Bytes locked, which the system does not write to swap space; in steps of 64 KiB, so it can be more than is used.
    /// Less than that if the process may lock no more (`RLIMIT_MEMLOCK`), 0 on Windows. Tried as blobs come, not ahead.
    pub locked: u64,
    /// Whether the system was told to leave all of it out of core dumps; Linux alone can.
    pub excluded_from_core_dumps: bool,
}

/// What a cache did since it was built, and what it holds.
///
/// Every entry that was ever stored is accounted for, in each snapshot that is taken while no other thread is in
/// the middle of a call:
/// `sets == takes + deletes + replaced + cleared + evictions + expirations + size`.
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
    /// Calls of get, offer and take that found nothing live.
    pub misses: u64,
    /// Entries stored, by put and add.
    pub sets: u64,
    /// Entries removed by being handed out: by take, and by offer where it is single use.
    pub takes: u64,
    /// Live entries removed by remove.
    pub deletes: u64,
    /// Live entries overwritten by put, or pushed out by a newer one of their key in add.
    pub replaced: u64,
    /// Entries removed by clear, expired ones among them.
    pub cleared: u64,
    /// Live entries removed to make room.
    pub evictions: u64,
    /// Entries removed because they had expired, whatever met them.
    pub expirations: u64,
    /// Blobs that were [refused](crate::Refused).
    pub rejected: u64,
    /// Sweeps completed: asked for, after insertions, and in the background.
    pub sweeps: u64,
    /// Entries there are now, expired ones that nothing has met yet among them.
    pub size: u64,
    /// Bytes of blobs there are now.
    pub bytes: u64,
}
