//! Copies payloads: pieces of words that other processes may change at the same time.

use std::ops::Range;

use crate::segment::layout::{Part, WORD};
use crate::segment::sync::AtomicU64;

use crate::store::payload::atomic_copy::prefetch;
#[cfg(not(any(test, loom)))]
use crate::store::payload::atomic_copy::{copy, fill, wipe};
#[cfg(any(test, loom))]
use stepwise::{copy, fill, wipe};

/// A slot's payload.
#[derive(Clone, Copy)]
pub(super) struct Payload<'a> {
    /// The words of the session file.
    pub(super) words: &'a [AtomicU64],
    pub(super) part: &'a Part,
    pub(super) index: usize,
}

impl Payload<'_> {
    /// Fetches the first piece into the processor's cache, for a call that will use it soon. A hole stays one.
    pub(super) fn prefetch(self) {
        let piece = &self.words[self.part.payload(self.index, 0)];
        prefetch(&piece[0], size_of_val(piece));
    }

    /// Writes bytes, from a multiple of a word on.
    pub(super) fn fill(self, from: usize, bytes: &[u8]) {
        self.each_piece(from, bytes.len(), |words, range| fill(words, &bytes[range]));
    }

    /// Reads as many bytes as `out` has, from a multiple of a word on.
    pub(super) fn copy(self, from: usize, out: &mut [u8]) {
        self.each_piece(from, out.len(), |words, range| copy(words, &mut out[range]));
    }

    /// Zeroes the first bytes.
    pub(super) fn wipe(self, bytes: usize) {
        self.each_piece(0, bytes, |words, range| wipe(&words[..range.len().div_ceil(WORD)]));
    }

    /// True if the first bytes are zeros.
    #[cfg(any(test, feature = "_oracle"))]
    pub(super) fn is_wiped(self, bytes: usize) -> bool {
        use crate::segment::sync::Ordering;
        let mut is_zero = true;
        self.each_piece(0, bytes, |words, range| {
            let mut words = words[..range.len().div_ceil(WORD)].iter();
            is_zero &= words.all(|word| word.load(Ordering::Relaxed) == 0);
        });
        is_zero
    }

    /// Calls `each` with the words of every piece of a range of bytes, and with the bytes of the range that are in them. The
    /// payload must be that long.
    #[inline]
    fn each_piece(self, from: usize, len: usize, mut each: impl FnMut(&[AtomicU64], Range<usize>)) {
        let mut done = 0;
        while done < len {
            let words = &self.words[self.part.payload(self.index, from + done)];
            let end = len.min(done + words.len() * WORD);
            each(words, done..end);
            done = end;
        }
    }
}

/// Word by word, so that tests can stop a call in the middle.
#[cfg(any(test, loom))]
mod stepwise {
    use crate::segment::layout::WORD;
    use crate::segment::sync::{AtomicU64, Ordering};

    pub(super) fn fill(words: &[AtomicU64], bytes: &[u8]) {
        for (word, bytes) in words.iter().zip(bytes.chunks(WORD)) {
            let mut whole = [0; WORD];
            whole[..bytes.len()].copy_from_slice(bytes);
            word.store(u64::from_ne_bytes(whole), Ordering::Relaxed);
        }
    }

    pub(super) fn copy(words: &[AtomicU64], out: &mut [u8]) {
        for (word, bytes) in words.iter().zip(out.chunks_mut(WORD)) {
            let whole = word.load(Ordering::Relaxed).to_ne_bytes();
            bytes.copy_from_slice(&whole[..bytes.len()]);
        }
    }

    pub(super) fn wipe(words: &[AtomicU64]) {
        for word in words {
            word.store(0, Ordering::Relaxed);
        }
    }
}
