//! Moves bytes in and out of words that other threads may read or write at the same time.
//!
//! [`portable`] is the specification: a relaxed access to each word. The compiler does not combine such accesses. So on
//! x86-64 and aarch64 [`wide_moves`](super::wide_moves) uses assembly, which is four to eight times as fast. Checkers that
//! have to see each access get the portable form: loom, Miri, the tests, and `ThreadSanitizer` with `--cfg portable_words`.
#![allow(unsafe_code)]

use crate::store::sync::AtomicU64;

#[cfg(not(any(loom, miri, test, portable_words)))]
#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
use super::wide_moves as imp;

#[cfg(not(all(
    not(any(loom, miri, test, portable_words)),
    any(target_arch = "x86_64", target_arch = "aarch64")
)))]
use portable as imp;

pub(crate) const WORD_BYTES: usize = size_of::<u64>();

/// Writes `bytes` from the first word on. The rest of the last word becomes zero.
///
/// # Panics
///
/// If there are too few words, like the other functions.
// Inlined, like the others, so that a whole block is one call of a kernel.
#[inline]
pub(crate) fn fill(words: &[AtomicU64], bytes: &[u8]) {
    imp::fill(&words[..bytes.len().div_ceil(WORD_BYTES)], bytes);
}

/// Reads as many bytes as `out` has, from the first word on.
#[inline]
pub(crate) fn copy(words: &[AtomicU64], out: &mut [u8]) {
    imp::copy(&words[..out.len().div_ceil(WORD_BYTES)], out);
}

/// Zeroes the words.
#[inline]
pub(crate) fn wipe(words: &[AtomicU64]) {
    imp::wipe(words);
}

/// Fetches the cache lines of `bytes` bytes from `start` on. It is a hint, and has no other effect.
#[inline]
#[cfg_attr(
    not(all(not(miri), any(target_arch = "x86_64", target_arch = "aarch64"))),
    expect(unused_variables, reason = "there is no such hint")
)]
pub(crate) fn prefetch<T>(start: &T, bytes: usize) {
    const LINE: usize = 64;
    #[cfg(all(not(miri), any(target_arch = "x86_64", target_arch = "aarch64")))]
    for at in (0..bytes).step_by(LINE) {
        let line = std::ptr::from_ref(start).cast::<u8>().wrapping_add(at);
        // SAFETY: a prefetch has no effect that a program can observe, for any address.
        #[cfg(target_arch = "x86_64")]
        unsafe {
            use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
            _mm_prefetch::<_MM_HINT_T0>(line.cast());
        }
        // SAFETY: as above.
        #[cfg(target_arch = "aarch64")]
        unsafe {
            std::arch::asm!(
                "prfm pldl1keep, [{}]", in(reg) line,
                options(nostack, preserves_flags, readonly),
            );
        }
    }
}

pub(super) mod portable {
    use super::WORD_BYTES;
    use crate::store::sync::{AtomicU64, Ordering};

    /// There must be enough words for the bytes.
    pub(crate) fn fill(words: &[AtomicU64], bytes: &[u8]) {
        let (whole, _) = bytes.as_chunks::<WORD_BYTES>();
        for (word, bytes) in words.iter().zip(whole) {
            word.store(u64::from_ne_bytes(*bytes), Ordering::Relaxed);
        }
        fill_last(words, bytes);
    }

    /// There must be enough words for the bytes.
    pub(crate) fn copy(words: &[AtomicU64], out: &mut [u8]) {
        let (whole, _) = out.as_chunks_mut::<WORD_BYTES>();
        for (word, bytes) in words.iter().zip(whole) {
            *bytes = word.load(Ordering::Relaxed).to_ne_bytes();
        }
        copy_last(words, out);
    }

    pub(crate) fn wipe(words: &[AtomicU64]) {
        for word in words {
            word.store(0, Ordering::Relaxed);
        }
    }

    /// Writes the bytes after the last whole word, and zeros behind them.
    // Shifted rather than copied: a copy of a length that varies is a call, which takes as long as a block.
    pub(crate) fn fill_last(words: &[AtomicU64], bytes: &[u8]) {
        let rest = bytes.len() % WORD_BYTES;
        if rest == 0 {
            return;
        }
        let last = match bytes.last_chunk() {
            Some(chunk) => u64::from_le_bytes(*chunk) >> (8 * (WORD_BYTES - rest)),
            None => bytes.iter().rev().fold(0, |word, byte| word << 8 | u64::from(*byte)),
        };
        let last = u64::from_ne_bytes(last.to_le_bytes());
        words[bytes.len() / WORD_BYTES].store(last, Ordering::Relaxed);
    }

    /// Reads the bytes after the last whole word. Reads the word before once more, if there is one.
    pub(crate) fn copy_last(words: &[AtomicU64], out: &mut [u8]) {
        let (rest, index) = (out.len() % WORD_BYTES, out.len() / WORD_BYTES);
        if rest == 0 {
            return;
        }
        let load = |index: usize| words[index].load(Ordering::Relaxed).to_ne_bytes();
        let last = u64::from_le_bytes(load(index));
        if let Some(chunk) = out.last_chunk_mut() {
            let before = u64::from_le_bytes(load(index - 1)) >> (8 * rest);
            *chunk = (before | last << (8 * (WORD_BYTES - rest))).to_le_bytes();
        } else {
            for (byte, of_last) in out.iter_mut().zip(last.to_le_bytes()) {
                *byte = of_last;
            }
        }
    }
}

#[cfg(all(test, not(any(loom, miri)), any(target_arch = "x86_64", target_arch = "aarch64")))]
mod tests {
    use proptest::prelude::*;

    use super::super::wide_moves as wide;
    use super::*;
    use crate::store::sync::Ordering;

    const WORDS: usize = 80;

    fn words() -> [AtomicU64; WORDS] {
        std::array::from_fn(|_| AtomicU64::new(u64::MAX))
    }

    fn content(words: &[AtomicU64]) -> Vec<u64> {
        words.iter().map(|word| word.load(Ordering::Relaxed)).collect()
    }

    proptest! {
        #[test]
        fn both_forms_agree_at_every_offset_and_length(
            from in 0..8_usize,
            offset in 0..32_usize,
            bytes in prop::collection::vec(any::<u8>(), 0..=(WORDS - 8) * WORD_BYTES),
        ) {
            let (one, other) = (words(), words());
            let upto = from + bytes.len().div_ceil(WORD_BYTES);
            portable::fill(&one[from..upto], &bytes);
            // At an address of any alignment, as callers have them.
            let moved = [&vec![0; offset][..], &bytes].concat();
            wide::fill(&other[from..upto], &moved[offset..]);
            prop_assert_eq!(content(&one), content(&other));

            let mut outs = [(); 2].map(|()| vec![7; offset + bytes.len() + 1]);
            let range = offset..offset + bytes.len();
            portable::copy(&one[from..upto], &mut outs[0][range.clone()]);
            wide::copy(&one[from..upto], &mut outs[1][range.clone()]);
            prop_assert_eq!(&outs[0], &outs[1]);
            prop_assert_eq!(&outs[0][range], &bytes[..]);

            portable::wipe(&one[from..upto]);
            wide::wipe(&other[from..upto]);
            prop_assert_eq!(content(&one), content(&other));
            prop_assert!(content(&one[from..upto]).iter().all(|word| *word == 0));
        }
    }
}
