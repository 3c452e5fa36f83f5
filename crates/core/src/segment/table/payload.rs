//! Copies of payloads: two ranges of words that other processes may change at the same time.

use crate::segment::layout::{FIRST_WORDS, WORD};
use crate::segment::sync::AtomicU64;

#[cfg(not(any(test, loom)))]
use crate::store::payload::atomic_copy::{copy, fill, wipe};
#[cfg(any(test, loom))]
use stepwise::{copy, fill, wipe};

/// The words of a slot's payload.
#[derive(Clone, Copy)]
pub(super) struct Payload<'a> {
    pub(super) first: &'a [AtomicU64],
    pub(super) rest: &'a [AtomicU64],
}

impl Payload<'_> {
    /// Writes bytes, from the start on.
    pub(super) fn fill(self, from: usize, bytes: &[u8]) {
        let (first, rest) = bytes.split_at(self.split(from, bytes.len()));
        if !first.is_empty() {
            fill(&self.first[from / WORD..], first);
        }
        if !rest.is_empty() {
            fill(&self.rest[(from + first.len()) / WORD - FIRST_WORDS..], rest);
        }
    }

    /// Reads as many bytes as `out` has, from a multiple of a word on.
    pub(super) fn copy(self, from: usize, out: &mut [u8]) {
        let (first, rest) = out.split_at_mut(self.split(from, out.len()));
        let len = first.len();
        if !first.is_empty() {
            copy(&self.first[from / WORD..], first);
        }
        if !rest.is_empty() {
            copy(&self.rest[(from + len) / WORD - FIRST_WORDS..], rest);
        }
    }

    /// Zeroes the first bytes.
    pub(super) fn wipe(self, bytes: usize) {
        let words = bytes.div_ceil(WORD);
        wipe(&self.first[..words.min(self.first.len())]);
        wipe(&self.rest[..words.saturating_sub(FIRST_WORDS).min(self.rest.len())]);
    }

    /// Returns how many of the bytes are in the first part.
    fn split(self, from: usize, bytes: usize) -> usize {
        bytes.min((self.first.len() * WORD).saturating_sub(from))
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
