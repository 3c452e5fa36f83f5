//! The words of a slot, wherever they are in its set.

use super::state::RECORD_WORDS;
use crate::segment::layout::{Part, SET_WORDS, WAYS, place_in_set};
use crate::segment::sync::AtomicU64;
#[cfg(any(test, feature = "_oracle"))]
use crate::segment::sync::Ordering;

const STATE: usize = 0;
/// The words of the record. The size and the sequence adjoin, apart from the others, because the sums of a table read them.
const RECORD: [usize; RECORD_WORDS] = [1, 4, 2, 3, 5];
const STAMP: usize = 6;
const CHECKSUM: usize = 7;

/// The words of a set.
pub(super) type Set = [AtomicU64; SET_WORDS];

/// A slot in its set.
#[derive(Clone, Copy)]
pub(super) struct Slot<'a> {
    pub(super) set: &'a Set,
    pub(super) way: usize,
}

impl<'a> Slot<'a> {
    /// Returns a slot of a table in the words of a session file.
    pub(super) fn of(words: &'a [AtomicU64], part: &Part, index: usize) -> Self {
        let set = words[part.slots + index / WAYS * SET_WORDS..].first_chunk();
        Self { set: set.expect("the file has all sets"), way: index % WAYS }
    }

    pub(super) fn state(self) -> &'a AtomicU64 {
        self.word(STATE)
    }

    /// Returns a word of the record. Word 0 is the high half of the hash.
    pub(super) fn record(self, word: usize) -> &'a AtomicU64 {
        self.word(RECORD[word])
    }

    pub(super) fn stamp(self) -> &'a AtomicU64 {
        self.word(STAMP)
    }

    pub(super) fn checksum(self) -> &'a AtomicU64 {
        self.word(CHECKSUM)
    }

    /// True if all words but the state and the stamp are zeros.
    #[cfg(any(test, feature = "_oracle"))]
    pub(super) fn is_wiped(self) -> bool {
        let words = RECORD.into_iter().chain([CHECKSUM]);
        words.map(|word| self.word(word).load(Ordering::Relaxed)).all(|word| word == 0)
    }

    fn word(self, word: usize) -> &'a AtomicU64 {
        &self.set[place_in_set(self.way, word)]
    }
}
