#[cfg(loom)]
use loom::sync::atomic::{AtomicU64, Ordering, fence};
#[cfg(not(loom))]
use std::sync::atomic::{AtomicU64, Ordering, fence};

use crate::store::memory::reserved::{OutOfAddressSpace, Reserved};

use zeroize::Zeroizing;

use super::{KEY_NAME_LEN, KeyBytes, TICKET_KEY_LEN};

/// The words of a slot: its version, which is odd while it has a key, from when the key is active, its number, and the key.
const VERSION: usize = 0;
const ACTIVE_SINCE: usize = 1;
const GENERATION: usize = 2;
const KEY: usize = 3;
const WORDS: usize = 16;
const KEY_WORDS: usize = TICKET_KEY_LEN / size_of::<u64>();

/// Slots for keys, excluded from core dumps like the blobs of a cache. They change under the lock of the ring, and are
/// read without it.
pub(super) struct Slots {
    words: Reserved<AtomicU64>,
    count: usize,
}

/// A key without its secrets.
#[derive(Clone, Copy)]
pub(super) struct KeySnapshot {
    pub(super) active_since: u64,
    pub(super) generation: u64,
}

impl KeySnapshot {
    /// Orders keys: of two keys the greater one is newer.
    pub(super) fn order(self) -> (u64, u64) {
        (self.active_since, self.generation)
    }
}

impl Slots {
    pub(super) fn new(count: usize) -> Result<Self, OutOfAddressSpace> {
        let words = Reserved::new(count * WORDS)?;
        words.lock_up_to(count * WORDS);
        Ok(Self { words, count })
    }

    pub(super) fn len(&self) -> usize {
        self.count
    }

    /// Copies the key. Returns `None` if there is none, or if it left while it was read. Then `out` has nothing of it.
    pub(super) fn read(&self, place: usize, out: &mut KeyBytes) -> Option<KeySnapshot> {
        let slot = self.slot(place);
        // Acquire: pairs with the release in `fill`. An odd version belongs to a whole key.
        let version = slot[VERSION].load(Ordering::Acquire);
        if version & 1 == 0 {
            return None;
        }
        let word = |index: usize| slot[index].load(Ordering::Relaxed);
        let seen = KeySnapshot { active_since: word(ACTIVE_SINCE), generation: word(GENERATION) };
        let (chunks, _) = out.as_chunks_mut::<{ size_of::<u64>() }>();
        for (index, chunk) in chunks.iter_mut().enumerate() {
            *chunk = word(KEY + index).to_ne_bytes();
        }
        // Pairs with the release fence in `wipe`: a reader of a later word sees that the version moved.
        fence(Ordering::Acquire);
        if slot[VERSION].load(Ordering::Relaxed) != version {
            out.fill(0);
            return None;
        }
        Some(seen)
    }

    /// Copies the key like [`read`](Self::read) if it has that name.
    pub(super) fn read_named(
        &self,
        place: usize,
        name: &[u8; KEY_NAME_LEN],
        out: &mut KeyBytes,
    ) -> Option<KeySnapshot> {
        self.read(place, out).filter(|_| out.starts_with(name))
    }

    /// True if the slot has the key.
    pub(super) fn holds(&self, place: usize, key: &KeyBytes) -> bool {
        let mut there = Zeroizing::new([0; TICKET_KEY_LEN]);
        self.read(place, &mut there).is_some() && *there == *key
    }

    /// Returns the key without its secrets. Without the lock the parts may belong to different moments.
    pub(super) fn look(&self, place: usize) -> Option<KeySnapshot> {
        let slot = self.slot(place);
        let word = |index: usize| slot[index].load(Ordering::Relaxed);
        (word(VERSION) & 1 == 1)
            .then(|| KeySnapshot { active_since: word(ACTIVE_SINCE), generation: word(GENERATION) })
    }

    pub(super) fn active_since(&self, place: usize) -> Option<u64> {
        self.look(place).map(|seen| seen.active_since)
    }

    /// Returns a slot without a key.
    pub(super) fn free(&self) -> Option<usize> {
        (0..self.count).find(|place| self.look(*place).is_none())
    }

    /// Puts a key into a slot without one.
    pub(super) fn fill(&self, place: usize, key: &KeyBytes, generation: u64, active_since: u64) {
        let slot = self.slot(place);
        let version = slot[VERSION].load(Ordering::Relaxed);
        debug_assert!(version & 1 == 0, "the slot has a key");
        // Pairs with the acquire fence in `read`, as in `wipe`: a reader of the last key may still be reading.
        fence(Ordering::Release);
        slot[ACTIVE_SINCE].store(active_since, Ordering::Relaxed);
        slot[GENERATION].store(generation, Ordering::Relaxed);
        let (chunks, _) = key.as_chunks::<{ size_of::<u64>() }>();
        for (index, chunk) in chunks.iter().enumerate() {
            slot[KEY + index].store(u64::from_ne_bytes(*chunk), Ordering::Relaxed);
        }
        // Release: pairs with the acquire in `read`.
        slot[VERSION].store(version + 1, Ordering::Release);
    }

    /// Wipes the key, if there is one.
    pub(super) fn wipe(&self, place: usize) {
        let slot = self.slot(place);
        let version = slot[VERSION].load(Ordering::Relaxed);
        if version & 1 == 0 {
            return;
        }
        slot[VERSION].store(version + 1, Ordering::Relaxed);
        // Pairs with the acquire fence in `read`.
        fence(Ordering::Release);
        for word in &slot[ACTIVE_SINCE..KEY + KEY_WORDS] {
            word.store(0, Ordering::Relaxed);
        }
    }

    /// Gives a key another number. A concurrent reader sees either number, and both give the same order.
    pub(super) fn number(&self, place: usize, generation: u64) {
        self.slot(place)[GENERATION].store(generation, Ordering::Relaxed);
    }

    fn slot(&self, place: usize) -> &[AtomicU64] {
        &self.words[place * WORDS..(place + 1) * WORDS]
    }
}

#[cfg(all(test, not(loom)))]
impl Slots {
    pub(super) fn words(&self) -> impl Iterator<Item = u64> {
        self.words.iter().map(|word| word.load(Ordering::Relaxed))
    }
}

#[cfg(all(test, loom))]
mod loom_models {
    use loom::sync::Arc;
    use loom::thread;

    use super::*;

    #[test]
    fn a_reader_sees_a_whole_key_or_none_while_its_slot_gets_another() {
        let mut model = loom::model::Builder::new();
        model.preemption_bound = Some(2);
        model.check(|| {
            let slots = Arc::new(Slots::new(1).unwrap());
            slots.fill(0, &[1; TICKET_KEY_LEN], 1, 1);
            let reader = {
                let slots = Arc::clone(&slots);
                thread::spawn(move || {
                    let mut out = [0; TICKET_KEY_LEN];
                    let seen = slots.read(0, &mut out);
                    (seen.map(|seen| (seen.active_since, seen.generation)), out)
                })
            };
            slots.wipe(0);
            slots.fill(0, &[2; TICKET_KEY_LEN], 2, 2);
            match reader.join().unwrap() {
                (None, out) => assert_eq!(out, [0; TICKET_KEY_LEN], "it keeps no part of a key"),
                (Some((active_since, generation)), out) => {
                    assert_eq!(active_since, generation);
                    assert_eq!(out, [u8::try_from(generation).unwrap(); TICKET_KEY_LEN]);
                }
            }
        });
    }
}
