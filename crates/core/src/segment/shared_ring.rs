//! A ring of ticket keys in a file that all processes of a user share.

use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::{Duration, SystemTime};

use super::control::ticket_ring::{RingConfig, TicketRing};
use super::files::ControlFile;
use super::layout::RING;
use super::{SegmentError, SegmentErrorKind, SegmentKind, SegmentOptions};
use crate::{AgedKey, FoundKey, KEY_NAME_LEN, Keep, KeyInfo, KeyRejected, RotateEvery, TicketKey};

/// How often the path is compared with the file that is open, in milliseconds.
const COMPARE_INTERVAL: u64 = 1000;

/// A ring of ticket keys in the control file of a segment, on tmpfs. Any process rotates it, and it stays when all of them
/// have ended.
///
/// It does what [`KeyRing`](crate::KeyRing) does for the threads of one process. Times are those of the wall clock.
pub struct SharedKeyRing {
    options: SegmentOptions,
    asked: RingConfig,
    file: RwLock<Arc<ControlFile>>,
    /// When the path was compared last, in milliseconds of the wall clock.
    compared: AtomicU64,
    /// Held while the file changes. True if the ring was revoked while there was no file that could be used.
    attaching: Mutex<bool>,
}

#[allow(clippy::redundant_closure_for_method_calls, reason = "the methods are not general enough")]
impl SharedKeyRing {
    /// Opens the ring of a path, or makes the file and a first key.
    ///
    /// The first process that opens a ring sets its `rotate_every`. Of `keep`, the longest of all processes holds. See
    /// [`rotate_every`](Self::rotate_every) and [`keep`](Self::keep).
    ///
    /// # Errors
    ///
    /// [`SegmentError`] if the file is not safe or cannot be made, or if the system has no random bytes.
    pub fn open(
        path: impl AsRef<Path>,
        rotate_every: Option<RotateEvery>,
        keep: Keep,
    ) -> Result<Self, SegmentError> {
        let options = SegmentOptions::new(path, SegmentKind::Servers);
        let asked = RingConfig { rotate_every, keep };
        let file = attach(&options, asked)?;
        Ok(Self {
            options,
            asked,
            file: RwLock::new(file),
            compared: AtomicU64::new(now()),
            attaching: Mutex::default(),
        })
    }

    /// Returns the active key, after a rotation if that is due. `None` without a key: then nothing may be encrypted. That
    /// happens only if the system has no random bytes, or processes are suspended in the middle of rotations.
    #[must_use]
    pub fn active(&self) -> Option<TicketKey> {
        let mut key = TicketKey::zero();
        self.with(|ring, now| ring.active(key.bytes_mut(), now))?;
        Some(key)
    }

    /// Returns the key with that name, and how many keys are newer, or `None` if there is no such key.
    #[must_use]
    pub fn find(&self, name: &[u8; KEY_NAME_LEN]) -> Option<FoundKey> {
        let mut key = TicketKey::zero();
        let newer = self.with(|ring, now| ring.find(name, key.bytes_mut(), now))?;
        Some(FoundKey { key, newer })
    }

    /// Makes a new random key the active one, for all processes at once.
    ///
    /// # Errors
    ///
    /// As [`KeyRing::rotate`](crate::KeyRing::rotate), and [`KeyRejected::NoMemory`] if processes that are suspended in the
    /// middle of a rotation hold all slots.
    pub fn rotate(&self) -> Result<(), KeyRejected> {
        self.with(|ring, now| ring.rotate(None, now))
    }

    /// Makes a new random key the active one and wipes all others, for all processes at once: no earlier ticket is accepted.
    ///
    /// If the path leads to no file that can be used, the keys of the next one are wiped when this process opens it.
    ///
    /// # Errors
    ///
    /// As [`rotate`](Self::rotate).
    pub fn revoke(&self) -> Result<(), KeyRejected> {
        let now = now();
        // Waits for a thread that attaches: the other processes use the file that the path leads to now.
        let mut is_missed = self.attaching.lock().unwrap_or_else(PoisonError::into_inner);
        let file = Arc::clone(&self.file.read().unwrap_or_else(PoisonError::into_inner));
        if !file.is_current() {
            match self.attach_again(&mut is_missed, now) {
                Some(other) => revoke(&other, now)?,
                None => *is_missed = true,
            }
        }
        // A process that has not noticed another file uses this one.
        revoke(&file, now)
    }

    /// Makes a given key the active one, for all processes at once.
    ///
    /// # Errors
    ///
    /// As [`KeyRing::insert`](crate::KeyRing::insert), and those of [`rotate`](Self::rotate).
    pub fn insert(&self, key: &TicketKey) -> Result<(), KeyRejected> {
        self.with(|ring, now| ring.rotate(Some(key.as_bytes()), now))
    }

    /// Rotates if that is due, empties the slots of processes that have died, and wipes the keys whose time is up.
    pub fn tick(&self) {
        // Without random bytes the active key stays.
        let _ = self.with(|ring, now| ring.tick(now));
    }

    /// Returns the keys with their ages, the active one first, then the newest.
    #[must_use]
    pub fn export(&self) -> Vec<AgedKey> {
        self.with(|ring, now| ring.export(now))
    }

    /// Returns the keys, the active one first, then the newest.
    #[must_use]
    pub fn keys(&self) -> Vec<KeyInfo> {
        self.with(|ring, now| ring.keys(now))
    }

    /// Returns how long a key stays active: what the first process that opened the ring asked for.
    #[must_use]
    pub fn rotate_every(&self) -> Option<RotateEvery> {
        self.with(|ring, _| ring.config().rotate_every)
    }

    /// Returns how many keys the ring has at most: the most that a process asked for.
    #[must_use]
    pub fn keep(&self) -> Keep {
        self.with(|ring, _| ring.config().keep)
    }

    fn with<R>(&self, action: impl FnOnce(&TicketRing<'_, ControlFile>, u64) -> R) -> R {
        let now = now();
        let file = self.current(now);
        let hash_key = file.hash_key();
        let ring = TicketRing::new(file.region(RING), &*file, &hash_key);
        action(&ring, now)
    }

    /// Returns the file that the path leads to, as it was at most a second ago.
    fn current(&self, now: u64) -> Arc<ControlFile> {
        let file = Arc::clone(&self.file.read().unwrap_or_else(PoisonError::into_inner));
        // Relaxed, here and below: numbers only.
        let compared = self.compared.load(Ordering::Relaxed);
        if now.abs_diff(compared) < COMPARE_INTERVAL && !file.is_dead() {
            return file;
        }
        self.compared.store(now, Ordering::Relaxed);
        if file.is_current() {
            return file;
        }
        let Ok(mut is_missed) = self.attaching.try_lock() else { return file };
        // If it fails, a call tries again in a second.
        self.attach_again(&mut is_missed, now).unwrap_or(file)
    }

    /// Opens the file that the path leads to, and revokes its keys if that was missed.
    fn attach_again(&self, is_missed: &mut bool, now: u64) -> Option<Arc<ControlFile>> {
        let other = attach(&self.options, self.asked).ok()?;
        if *is_missed {
            revoke(&other, now).ok()?;
            *is_missed = false;
        }
        *self.file.write().unwrap_or_else(PoisonError::into_inner) = Arc::clone(&other);
        Some(other)
    }
}

fn revoke(file: &ControlFile, now: u64) -> Result<(), KeyRejected> {
    let hash_key = file.hash_key();
    TicketRing::new(file.region(RING), file, &hash_key).revoke(now)
}

fn attach(options: &SegmentOptions, asked: RingConfig) -> Result<Arc<ControlFile>, SegmentError> {
    let file = ControlFile::shared(options)?;
    let hash_key = file.hash_key();
    TicketRing::new(file.region(RING), &*file, &hash_key).open(asked, now()).map_err(|_| {
        let (expected, found) = ("random bytes of the system", "none");
        SegmentError::new(SegmentErrorKind::Random, &options.path, expected, found)
    })?;
    Ok(file)
}

/// Milliseconds since 1970.
fn now() -> u64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    u64::try_from(since.map_or(Duration::ZERO, |since| since).as_millis()).unwrap_or(u64::MAX)
}

/// Prints only the path, because keys are secret.
impl std::fmt::Debug for SharedKeyRing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SharedKeyRing").field("path", &self.options.path).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Segment;
    use crate::segment::files::tests::Folder;

    fn open(path: &Path, hours: u64, keep: u64) -> SharedKeyRing {
        let every = RotateEvery::new(Duration::from_secs(3600 * hours));
        SharedKeyRing::open(path, every, Keep::new(keep).unwrap()).unwrap()
    }

    fn name(ring: &SharedKeyRing) -> [u8; KEY_NAME_LEN] {
        *ring.active().unwrap().name()
    }

    #[test]
    fn two_that_open_a_path_have_the_same_keys_and_the_first_interval() {
        let folder = Folder::new();
        let (one, two) = (open(&folder.path(), 1, 2), open(&folder.path(), 2, 3));
        assert_eq!(name(&one), name(&two));
        two.rotate().unwrap();
        assert_eq!(name(&one), name(&two));
        assert_eq!(one.find(&name(&two)).map(|found| found.newer), Some(0));
        assert_eq!(two.rotate_every(), one.rotate_every());
        assert_eq!(one.keep().get(), 3);
        assert_eq!((one.keys().len(), one.export().len()), (2, 2));
    }

    #[test]
    fn a_process_has_one_owner_number_for_its_rings_and_its_cache() {
        let folder = Folder::new();
        let rings = [(); 3].map(|()| open(&folder.path(), 1, 2));
        let segment = Segment::open(SegmentOptions::new(folder.path(), SegmentKind::Servers));
        assert_eq!(segment.unwrap().info().unwrap().processes, [std::process::id()]);
        drop(rings);
    }

    #[test]
    fn a_ring_stays_when_it_is_closed() {
        let folder = Folder::new();
        let before = name(&open(&folder.path(), 1, 2));
        assert_eq!(name(&open(&folder.path(), 1, 2)), before);
    }

    #[test]
    fn a_revocation_reaches_the_file_that_the_path_leads_to() {
        let folder = Folder::new();
        let one = open(&folder.path(), 1, 2);
        std::fs::remove_file(folder.path()).unwrap();
        let two = open(&folder.path(), 1, 2);
        let before = name(&two);
        one.revoke().unwrap();
        assert!(two.find(&before).is_none(), "without a look at the path within the last second");
    }

    #[test]
    fn a_revocation_reaches_a_process_that_has_not_noticed_another_file() {
        let folder = Folder::new();
        let (one, two) = (open(&folder.path(), 1, 2), open(&folder.path(), 1, 2));
        let before = name(&two);
        std::fs::remove_file(folder.path()).unwrap();
        one.revoke().unwrap();
        assert!(two.find(&before).is_none());
    }

    #[test]
    fn a_revocation_without_a_file_reaches_the_next_one() {
        let folder = Folder::new();
        let one = open(&folder.path(), 1, 2);
        std::fs::remove_file(folder.path()).unwrap();
        std::fs::create_dir(folder.path()).unwrap();
        one.revoke().unwrap();
        std::fs::remove_dir(folder.path()).unwrap();
        let two = open(&folder.path(), 1, 2);
        let before = name(&two);
        one.compared.store(0, Ordering::Relaxed);
        assert_eq!(name(&one), name(&two));
        assert!(two.find(&before).is_none());
    }

    #[test]
    fn a_path_that_is_removed_and_made_again_leads_to_another_ring() {
        let folder = Folder::new();
        let one = open(&folder.path(), 1, 2);
        let before = name(&one);
        std::fs::remove_file(folder.path()).unwrap();
        let two = open(&folder.path(), 1, 2);
        assert_ne!(name(&two), before);
        one.compared.store(0, Ordering::Relaxed);
        assert_eq!(name(&one), name(&two));
    }
}
