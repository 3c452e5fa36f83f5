//! Keeps one word for each name, in a table of fixed size.

use crate::segment::sync::{AtomicU64, Ordering};

/// In how many slots, one after the other, the word of a name may be.
const WAYS: usize = if cfg!(loom) { 2 } else { 8 };
/// How many names can have a word at once.
pub(super) const SLOTS: usize = if cfg!(loom) { WAYS } else { 4096 };

/// The state of a name, as far as it fits in a word.
pub(super) trait State: Copy + Eq + Default {
    /// Packs it into the 10 lowest bits, which are 0 for the default state only, and a time in milliseconds.
    fn pack(self) -> (u64, u64);

    /// Restores it. The time is not earlier than the packed one, by less than [`TIME_UNIT`].
    fn unpack(bits: u64, time: u64) -> Self;
}

const STATE_BITS: u32 = 10;
const TAG_BITS: u32 = 19;
const TIME_SHIFT: u32 = STATE_BITS + TAG_BITS;
/// Times are rounded up to a multiple of this many milliseconds, so that they fit for 69 years.
pub(super) const TIME_UNIT: u64 = 64;

/// No time is later than this many milliseconds from now: a day, and what rounding adds. A word of a file that says more is
/// damaged, or was written by another clock.
const MAX_AHEAD: u64 = 24 * 60 * 60 * 1000 + TIME_UNIT;

const TAG_MASK: u64 = ((1 << TAG_BITS) - 1) << STATE_BITS;
const STATE_MASK: u64 = (1 << STATE_BITS) - 1;

/// One word a slot, from the top: a time in units (35 bits), a tag of the name (19), the state (10). 0 is free.
///
/// A word publishes nothing but itself, so accesses are relaxed unless another word depends on them.
///
/// The table belongs to the process, or is a slice of a file. Each change is one exchange, so a process that dies between
/// two steps leaves a whole word.
pub(crate) struct Slots<W = Box<[AtomicU64]>>(W);

impl Slots {
    pub(super) fn new() -> Self {
        Self((0..SLOTS).map(|_| AtomicU64::new(0)).collect())
    }
}

impl<'a> Slots<&'a [AtomicU64]> {
    /// Takes words that were zeros at first.
    #[cfg_attr(not(target_os = "linux"), allow(dead_code, reason = "there are no files"))]
    pub(crate) fn over(words: &'a [AtomicU64]) -> Self {
        Self(words)
    }
}

impl<W: AsRef<[AtomicU64]>> Slots<W> {
    /// Gives a name the default state, in all of its slots.
    pub(super) fn reset(&self, hash: u64) {
        for slot in self.ways(hash) {
            let word = slot.load(Ordering::Relaxed);
            if is_of(word, hash) {
                // If the word has changed, that news is later than this.
                let _ = slot.compare_exchange(word, 0, Ordering::Relaxed, Ordering::Relaxed);
            }
        }
    }

    pub(super) fn clear(&self) {
        for slot in self.0.as_ref() {
            slot.store(0, Ordering::Relaxed);
        }
    }

    /// Returns the slot that has the word of a name, or else the slot that it should take, with the word of that slot.
    fn find(&self, hash: u64, now: u64) -> Option<(&AtomicU64, u64)> {
        let mut best: Option<(&AtomicU64, u64)> = None;
        for slot in self.ways(hash) {
            // Acquire: pairs with the exchange in `update`, for a caller that reads another table before this one.
            let word = slot.load(Ordering::Acquire);
            if is_of(word, hash) {
                return Some((slot, word));
            }
            // A free slot, or the slot whose last change is oldest. A pause that is not over is never given up.
            let time = time(word, now);
            if time <= now && best.is_none_or(|(_, other)| time < self::time(other, now)) {
                best = Some((slot, word));
            }
        }
        best
    }

    /// Replaces the state of a name by what `step` makes of it, in one step for all threads. Returns the second result of
    /// the `step` that took effect.
    pub(super) fn update<S: State, R>(&self, hash: u64, now: u64, step: impl Fn(S) -> (S, R)) -> R {
        loop {
            let Some((slot, word)) = self.find(hash, now) else {
                return step(S::default()).1;
            };
            let before = if is_of(word, hash) { unpack(word, now) } else { S::default() };
            let (after, result) = step(before);
            if after == before {
                return result;
            }
            // Release: pairs with `find`. Acquire is not needed, since no other word is read after it.
            let then = pack(after, hash);
            if slot.compare_exchange(word, then, Ordering::Release, Ordering::Relaxed).is_ok() {
                return result;
            }
        }
    }

    /// Returns the state of a name.
    pub(super) fn read<S: State>(&self, hash: u64, now: u64) -> S {
        let mut words = self.ways(hash).map(|slot| slot.load(Ordering::Relaxed));
        let word = words.find(|word| is_of(*word, hash));
        word.map_or_else(S::default, |word| unpack(word, now))
    }

    fn ways(&self, hash: u64) -> impl Iterator<Item = &AtomicU64> {
        let slots = self.0.as_ref();
        ways_of(hash, slots.len()).map(|place| &slots[place])
    }
}

/// The places that the word of a name may take.
fn ways_of(hash: u64, slots: usize) -> impl Iterator<Item = usize> {
    #[expect(clippy::cast_possible_truncation, reason = "a remainder of the number of slots")]
    let first = (hash % slots as u64) as usize;
    (0..WAYS).map(move |way| (first + way) % slots)
}

fn tag(hash: u64) -> u64 {
    hash >> (u64::BITS - TAG_BITS) << STATE_BITS
}

fn is_of(word: u64, hash: u64) -> bool {
    word != 0 && word & TAG_MASK == tag(hash)
}

/// The time of a word, or 0 if no word can have it now.
fn time(word: u64, now: u64) -> u64 {
    let time = (word >> TIME_SHIFT) * TIME_UNIT;
    if time > now.saturating_add(MAX_AHEAD) { 0 } else { time }
}

fn pack<S: State>(state: S, hash: u64) -> u64 {
    if state == S::default() {
        return 0;
    }
    let (bits, time) = state.pack();
    debug_assert!(bits & !STATE_MASK == 0 && bits != 0, "it fits, and is not free");
    time.div_ceil(TIME_UNIT) << TIME_SHIFT | tag(hash) | bits
}

fn unpack<S: State>(word: u64, now: u64) -> S {
    S::unpack(word & STATE_MASK, time(word, now))
}
