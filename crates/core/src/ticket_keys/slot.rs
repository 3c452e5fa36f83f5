use std::sync::atomic::{AtomicU64, Ordering, fence};

use crate::store::memory::reserved::Reserved;

use zeroize::Zeroize;

use super::{KEY_NAME_LEN, TICKET_KEY_LEN, TicketKey};

/// The words of a slot: its version, odd while there is a key, when that was born, which one it is, and itself.
const VERSION: usize = 0;
const BORN: usize = 1;
const GENERATION: usize = 2;
const KEY: usize = 3;
const WORDS: usize = 16;
const KEY_WORDS: usize = TICKET_KEY_LEN / size_of::<u64>();

/// Places for keys, kept out of core dumps as the blobs of a cache are. They change under the ring's lock, and
/// are read without it.
pub(super) struct Slots {
    words: Reserved<AtomicU64>,
    count: usize,
}

/// What there is to know of a key but its secrets.
#[derive(Clone, Copy)]
pub(super) struct Seen {
    pub(super) born: u64,
    pub(super) generation: u64,
}

impl Seen {
    /// Which of two keys is the newer one.
    pub(super) fn order(self) -> (u64, u64) {
        (self.born, self.generation)
    }
}

impl Slots {
    pub(super) fn new(count: usize) -> Self {
        let words = Reserved::new(count * WORDS).expect("there is room for some keys");
        words.lock_up_to(count * WORDS);
        Self { words, count }
    }

    pub(super) fn len(&self) -> usize {
        self.count
    }

    /// Copies the key. `None` if there is none, or it went meanwhile; then `out` has nothing of it.
    pub(super) fn read(&self, place: usize, out: &mut TicketKey) -> Option<Seen> {
        let slot = self.slot(place);
        // Acquire pairs with the release in `fill`: an odd version is that of a whole key.
        let version = slot[VERSION].load(Ordering::Acquire);
        if version & 1 == 0 {
            return None;
        }
        let word = |index: usize| slot[index].load(Ordering::Relaxed);
        let seen = Seen { born: word(BORN), generation: word(GENERATION) };
        let (chunks, _) = out.as_chunks_mut::<{ size_of::<u64>() }>();
        for (index, chunk) in chunks.iter_mut().enumerate() {
            *chunk = word(KEY + index).to_ne_bytes();
        }
        // Pairs with the release fence in `wipe`: who has read a word of what came after sees the version moved.
        fence(Ordering::Acquire);
        if slot[VERSION].load(Ordering::Relaxed) != version {
            out.fill(0);
            return None;
        }
        Some(seen)
    }

    /// The same for a key of that name.
    pub(super) fn read_named(
        &self,
        place: usize,
        name: &[u8; KEY_NAME_LEN],
        out: &mut TicketKey,
    ) -> Option<Seen> {
        self.read(place, out).filter(|_| out.starts_with(name))
    }

    /// Whether the key is there.
    pub(super) fn holds(&self, place: usize, key: &TicketKey) -> bool {
        let mut there = [0; TICKET_KEY_LEN];
        let holds = self.read(place, &mut there).is_some() && there == *key;
        there.zeroize();
        holds
    }

    /// What there is to know of the key: for certain under the lock, otherwise as it may have been.
    pub(super) fn look(&self, place: usize) -> Option<Seen> {
        let slot = self.slot(place);
        let word = |index: usize| slot[index].load(Ordering::Relaxed);
        (word(VERSION) & 1 == 1).then(|| Seen { born: word(BORN), generation: word(GENERATION) })
    }

    pub(super) fn born(&self, place: usize) -> Option<u64> {
        self.look(place).map(|seen| seen.born)
    }

    /// A place without a key.
    pub(super) fn free(&self) -> Option<usize> {
        (0..self.count).find(|place| self.look(*place).is_none())
    }

    /// Puts a key where there is none.
    pub(super) fn fill(&self, place: usize, key: &TicketKey, generation: u64, born: u64) {
        let slot = self.slot(place);
        let version = slot[VERSION].load(Ordering::Relaxed);
        debug_assert!(version & 1 == 0, "there is a key");
        // A reader of the key before may still be here: as in `wipe`.
        fence(Ordering::Release);
        slot[BORN].store(born, Ordering::Relaxed);
        slot[GENERATION].store(generation, Ordering::Relaxed);
        let (chunks, _) = key.as_chunks::<{ size_of::<u64>() }>();
        for (index, chunk) in chunks.iter().enumerate() {
            slot[KEY + index].store(u64::from_ne_bytes(*chunk), Ordering::Relaxed);
        }
        // Release pairs with the acquire in `read`.
        slot[VERSION].store(version + 1, Ordering::Release);
    }

    /// Wipes the key there is, if any.
    pub(super) fn wipe(&self, place: usize) {
        let slot = self.slot(place);
        let version = slot[VERSION].load(Ordering::Relaxed);
        if version & 1 == 0 {
            return;
        }
        slot[VERSION].store(version + 1, Ordering::Relaxed);
        // Pairs with the acquire fence in `read`.
        fence(Ordering::Release);
        for word in &slot[BORN..KEY + KEY_WORDS] {
            word.store(0, Ordering::Relaxed);
        }
    }

    /// Gives a key another number. Who reads meanwhile sees the one or the other, which both told its place.
    pub(super) fn number(&self, place: usize, generation: u64) {
        self.slot(place)[GENERATION].store(generation, Ordering::Relaxed);
    }

    fn slot(&self, place: usize) -> &[AtomicU64] {
        &self.words[place * WORDS..(place + 1) * WORDS]
    }
}

#[cfg(test)]
impl Slots {
    pub(super) fn words(&self) -> impl Iterator<Item = u64> {
        self.words.iter().map(|word| word.load(Ordering::Relaxed))
    }
}
