//! The reference model: the rules of the cache in their simplest form, for one thread. Tests compare the lock-free store
//! with it.

#![expect(clippy::must_use_candidate, clippy::len_without_is_empty, reason = "for tests only")]

mod entries;
#[cfg(all(test, not(loom)))]
mod steps;

#[cfg(all(test, not(loom)))]
pub(crate) use steps::Fingerprint;

use std::ops::Deref;

pub use crate::read_mode::ReadMode;
pub use crate::segment::table::Audit;
use crate::{
    ANNOTATION_LEN, Annotation, Blob, BufferTooSmall, EntryOptions, Key, Options, Rejected, Stats,
};
pub use entries::Id;
use entries::{Entries, Entry};

/// After how many insertions a cache is swept.
const INSERTIONS_BETWEEN_SWEEPS: u64 = 100;

/// The rules of the cache, for one thread and with the time as an argument.
///
/// Every operation on a key first removes the expired entries of the key, which count as expirations. So an expired entry
/// behaves like one that is not stored.
pub struct Oracle {
    options: Options,
    entries: Entries,
    /// Its gauges stay 0. `entries` has them.
    counters: Stats,
}

/// The result of a read.
pub enum ReadOutcome<'a> {
    Kept(&'a Blob),
    Removed(Blob),
}

/// Why an entry leaves. Each reason has its counter, so that every entry is accounted for.
#[derive(Debug, Clone, Copy)]
enum Removal {
    Taken,
    Deleted,
    Replaced,
    Evicted,
    Expired,
}

impl Oracle {
    pub fn new(options: Options) -> Self {
        Self { options, entries: Entries::default(), counters: Stats::default() }
    }

    /// Stores a blob and removes all other entries of its key.
    pub fn put(
        &mut self,
        key: Key<'_>,
        blob: &[u8],
        options: EntryOptions,
        now: u64,
    ) -> Result<(), Rejected> {
        self.store(key, None, blob, options, now, 0).map(drop)
    }

    /// Stores as `put` does, with an annotation.
    pub fn put_annotated(
        &mut self,
        key: Key<'_>,
        annotation: &Annotation,
        blob: &[u8],
        options: EntryOptions,
        now: u64,
    ) -> Result<Id, Rejected> {
        self.store(key, Some(annotation), blob, options, now, 0)
    }

    /// Stores a blob as the newest entry of its key.
    pub fn add(
        &mut self,
        key: Key<'_>,
        blob: &[u8],
        options: EntryOptions,
        now: u64,
    ) -> Result<(), Rejected> {
        self.store(key, None, blob, options, now, self.others()).map(drop)
    }

    /// Stores as `add` does, with an annotation.
    pub fn add_annotated(
        &mut self,
        key: Key<'_>,
        annotation: &Annotation,
        blob: &[u8],
        options: EntryOptions,
        now: u64,
    ) -> Result<Id, Rejected> {
        self.store(key, Some(annotation), blob, options, now, self.others())
    }

    /// Returns how many entries an added one may have beside it.
    fn others(&self) -> usize {
        usize::from(self.options.tickets_per_key.get()) - 1
    }

    fn store(
        &mut self,
        key: Key<'_>,
        annotation: Option<&Annotation>,
        blob: &[u8],
        options: EntryOptions,
        now: u64,
        others: usize,
    ) -> Result<Id, Rejected> {
        let len = blob.len() + annotation.map_or(0, |_| ANNOTATION_LEN);
        self.check(blob, len as u64)?;
        self.expire_key(key, now);
        self.remove_oldest_beyond(key, others, Removal::Replaced);
        self.make_room(len as u64, now);
        let ttl = options.ttl.map_or(self.options.ttl, |own| own.min(self.options.ttl));
        self.counters.sets += 1;
        let entry = Entry {
            blob: Blob::copy_of(blob),
            annotation: annotation.copied(),
            expires_at: now.saturating_add(ttl.as_millis()),
            reusable: options.reusable,
            used: false,
        };
        Ok(self.entries.insert(key, entry))
    }

    /// True if a sweep follows the last insertion.
    pub fn sweep_is_due(&self) -> bool {
        self.counters.sets.is_multiple_of(INSERTIONS_BETWEEN_SWEEPS)
    }

    /// Returns a blob of at most `reserve` bytes. A longer one changes nothing.
    pub fn read(
        &mut self,
        key: Key<'_>,
        how: ReadMode,
        reserve: usize,
        now: u64,
    ) -> Result<Option<ReadOutcome<'_>>, BufferTooSmall> {
        let chosen = self.choose(key, how, now);
        if let Some(id) = chosen {
            let needed = self.entries.get(id).blob.len();
            if needed > reserve {
                return Err(BufferTooSmall { needed });
            }
        }
        self.expire_key(key, now);
        let Some(id) = chosen else {
            self.counters.misses += 1;
            return Ok(None);
        };
        self.counters.hits += 1;
        if self.is_consumed_by(id, how) {
            return Ok(Some(ReadOutcome::Removed(self.remove(id, Removal::Taken))));
        }
        let entry = self.entries.touch(id);
        entry.used |= how == ReadMode::Offer;
        Ok(Some(ReadOutcome::Kept(&entry.blob)))
    }

    /// Returns the blob of an offer with its annotation, of at most `reserve` bytes together.
    pub fn offer_annotated(
        &mut self,
        key: Key<'_>,
        reserve: usize,
        now: u64,
    ) -> Result<Option<(Annotation, Blob)>, BufferTooSmall> {
        let chosen = self.choose(key, ReadMode::Offer, now);
        let annotation = chosen.and_then(|id| self.entries.get(id).annotation);
        if let Some(id) = chosen {
            let needed = self.entries.get(id).blob.len() + ANNOTATION_LEN;
            if needed > reserve {
                return Err(BufferTooSmall { needed });
            }
        }
        let offered = self.read(key, ReadMode::Offer, reserve, now)?;
        let annotation = annotation.unwrap_or([0; ANNOTATION_LEN]);
        Ok(offered.map(|offered| (annotation, offered.into_blob())))
    }

    /// Removes one live entry of a key. Returns whether it was stored.
    pub fn remove_entry(&mut self, key: Key<'_>, id: Id, now: u64) -> bool {
        self.expire_key(key, now);
        let is_there = self.entries.of_key(key).any(|(other, _)| other == id);
        if is_there {
            self.remove(id, Removal::Deleted);
        }
        is_there
    }

    /// True if there is a live entry under the key.
    pub fn contains(&mut self, key: Key<'_>, now: u64) -> bool {
        self.expire_key(key, now);
        self.entries.count_of_key(key) > 0
    }

    /// Removes all entries of a key. Returns how many live ones it removed.
    pub fn remove_key(&mut self, key: Key<'_>, now: u64) -> usize {
        self.expire_key(key, now);
        self.remove_oldest_beyond(key, 0, Removal::Deleted)
    }

    /// Removes all entries.
    pub fn clear(&mut self) {
        self.counters.cleared += self.entries.len() as u64;
        self.entries.clear();
    }

    /// Removes up to `limit` expired entries. Returns how many; fewer than `limit` means that the sweep is complete.
    pub fn sweep_step(&mut self, limit: usize, now: u64) -> usize {
        let mut removed = 0;
        while removed < limit {
            let Some(id) = self.entries.first_expired(now) else {
                self.counters.sweeps += 1;
                break;
            };
            self.remove(id, Removal::Expired);
            removed += 1;
        }
        removed
    }

    pub fn len(&self) -> usize {
        self.entries.len()
    }

    pub fn bytes(&self) -> u64 {
        self.entries.bytes()
    }

    pub fn stats(&self) -> Stats {
        Stats { size: self.len() as u64, bytes: self.bytes(), ..self.counters }
    }

    fn check(&mut self, blob: &[u8], len: u64) -> Result<(), Rejected> {
        let max = self.options.max_bytes.longest_blob();
        let refused = match len {
            _ if blob.is_empty() => Rejected::Empty,
            _ if len > max => Rejected::TooLarge { len, max },
            _ => return Ok(()),
        };
        self.counters.rejected += 1;
        Err(refused)
    }

    /// Removes entries until one more of `len` bytes fits.
    fn make_room(&mut self, len: u64, now: u64) {
        let max = self.options.max.get() as usize;
        let max_bytes = self.options.max_bytes.get();
        while self.entries.len() >= max || self.entries.bytes() + len > max_bytes {
            if let Some(id) = self.entries.first_expired(now) {
                self.remove(id, Removal::Expired);
            } else if let Some(id) = self.entries.least_recently_used() {
                self.remove(id, Removal::Evicted);
            } else {
                break;
            }
        }
    }

    fn choose(&self, key: Key<'_>, how: ReadMode, now: u64) -> Option<Id> {
        let mut live = self.entries.of_key(key).filter(|(_, entry)| entry.is_live(now));
        let newest = live.next()?;
        let chosen = match how {
            ReadMode::Offer if newest.1.used => {
                live.find(|(_, entry)| !entry.used).unwrap_or(newest)
            }
            ReadMode::Get | ReadMode::Offer | ReadMode::Take => newest,
        };
        Some(chosen.0)
    }

    fn is_consumed_by(&self, id: Id, how: ReadMode) -> bool {
        match how {
            ReadMode::Get => false,
            ReadMode::Offer => self.options.single_use && !self.entries.get(id).reusable,
            ReadMode::Take => true,
        }
    }

    fn expire_key(&mut self, key: Key<'_>, now: u64) {
        let of_key = self.entries.of_key(key);
        let expired: Vec<Id> =
            of_key.filter(|(_, entry)| !entry.is_live(now)).map(|(id, _)| id).collect();
        for id in expired {
            self.remove(id, Removal::Expired);
        }
    }

    /// Removes all entries of a key except the newest `keep`. Returns how many it removed.
    fn remove_oldest_beyond(&mut self, key: Key<'_>, keep: usize, why: Removal) -> usize {
        let excess: Vec<Id> = self.entries.of_key(key).skip(keep).map(|(id, _)| id).collect();
        for id in &excess {
            self.remove(*id, why);
        }
        excess.len()
    }

    /// Removes an entry. Every removal except `clear` uses it.
    fn remove(&mut self, id: Id, why: Removal) -> Blob {
        *match why {
            Removal::Taken => &mut self.counters.takes,
            Removal::Deleted => &mut self.counters.deletes,
            Removal::Replaced => &mut self.counters.replaced,
            Removal::Evicted => &mut self.counters.evictions,
            Removal::Expired => &mut self.counters.expirations,
        } += 1;
        self.entries.remove(id).blob
    }
}

impl ReadOutcome<'_> {
    pub fn into_blob(self) -> Blob {
        match self {
            Self::Kept(blob) => Blob::copy_of(blob),
            Self::Removed(blob) => blob,
        }
    }
}

impl Deref for ReadOutcome<'_> {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match self {
            Self::Kept(blob) => blob,
            Self::Removed(blob) => blob,
        }
    }
}
