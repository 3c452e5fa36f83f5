//! Moves bytes in and out of words that other threads may read or write at the same time.
//!
//! [`portable`] says what is meant: a relaxed access to each word. The compiler does not make one wide access of
//! several such, so on the usual processors [`wide`] says it in their own words, four to eight times as fast. Checkers
//! that have to see each access get the portable one: loom, Miri, the tests, and with `--cfg portable_words`
//! `ThreadSanitizer`.
#![allow(unsafe_code)]

use crate::store::sync::AtomicU64;

#[cfg(not(any(loom, miri, test, portable_words)))]
#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
use wide as imp;

#[cfg(not(all(
    not(any(loom, miri, test, portable_words)),
    any(target_arch = "x86_64", target_arch = "aarch64")
)))]
use portable as imp;

pub(crate) const WORD_BYTES: usize = size_of::<u64>();

/// Writes `bytes` from the first word on; what is left of the last word becomes zero.
///
/// # Panics
///
/// If there are too few words; so do the others.
pub(crate) fn fill(words: &[AtomicU64], bytes: &[u8]) {
    imp::fill(&words[..bytes.len().div_ceil(WORD_BYTES)], bytes);
}

/// Reads as many bytes as `out` has, from the first word on.
pub(crate) fn copy(words: &[AtomicU64], out: &mut [u8]) {
    imp::copy(&words[..out.len().div_ceil(WORD_BYTES)], out);
}

/// Zeroes the words.
pub(crate) fn wipe(words: &[AtomicU64]) {
    imp::wipe(words);
}

/// Has the cache lines from `start` on brought in, as many as `bytes` touch. A hint, of no other effect.
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
        // SAFETY: a prefetch changes nothing that a program can tell, whatever the address.
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

mod portable {
    use super::WORD_BYTES;
    use crate::store::sync::{AtomicU64, Ordering};

    /// There are as many words as the bytes need.
    pub(crate) fn fill(words: &[AtomicU64], bytes: &[u8]) {
        let (whole, rest) = bytes.as_chunks::<WORD_BYTES>();
        for (word, bytes) in words.iter().zip(whole) {
            word.store(u64::from_ne_bytes(*bytes), Ordering::Relaxed);
        }
        if !rest.is_empty() {
            let mut last = [0; WORD_BYTES];
            last[..rest.len()].copy_from_slice(rest);
            words[whole.len()].store(u64::from_ne_bytes(last), Ordering::Relaxed);
        }
    }

    /// There are as many words as the bytes need.
    pub(crate) fn copy(words: &[AtomicU64], out: &mut [u8]) {
        let (whole, rest) = out.as_chunks_mut::<WORD_BYTES>();
        for (word, bytes) in words.iter().zip(whole.iter_mut()) {
            *bytes = word.load(Ordering::Relaxed).to_ne_bytes();
        }
        if !rest.is_empty() {
            let last = words[whole.len()].load(Ordering::Relaxed).to_ne_bytes();
            rest.copy_from_slice(&last[..rest.len()]);
        }
    }

    pub(crate) fn wipe(words: &[AtomicU64]) {
        for word in words {
            word.store(0, Ordering::Relaxed);
        }
    }
}

/// What the compiler sees of the assembly is that memory may change. What the processor does is, for each word, no
/// less than a relaxed access: naturally aligned words of 8 bytes are read and written whole by these moves, and in the
/// order of the program on x86-64; on aarch64 the fences around the calls order them as they do any other access.
#[cfg(all(not(any(loom, miri)), any(target_arch = "x86_64", target_arch = "aarch64")))]
#[cfg_attr(portable_words, expect(dead_code, reason = "a checker is at work"))]
mod wide {
    use std::arch::asm;

    use super::{WORD_BYTES, portable};
    use crate::store::sync::AtomicU64;

    /// Bytes that one turn moves.
    const TURN: usize = 64;

    /// How many whole turns there are, and how many words they are.
    fn turns(bytes: usize) -> (usize, usize) {
        (bytes / TURN, bytes / TURN * (TURN / WORD_BYTES))
    }

    /// There are as many words as the bytes need.
    pub(crate) fn fill(words: &[AtomicU64], bytes: &[u8]) {
        let (turns, done) = turns(bytes.len());
        // SAFETY: both have as many whole turns, and an atomic may be written through a shared reference.
        unsafe { move_turns(bytes.as_ptr(), words.as_ptr().cast_mut().cast(), turns) };
        portable::fill(&words[done..], &bytes[turns * TURN..]);
    }

    /// There are as many words as the bytes need.
    pub(crate) fn copy(words: &[AtomicU64], out: &mut [u8]) {
        let (turns, done) = turns(out.len());
        // SAFETY: both have as many whole turns.
        unsafe { move_turns(words.as_ptr().cast(), out.as_mut_ptr(), turns) };
        portable::copy(&words[done..], &mut out[turns * TURN..]);
    }

    pub(crate) fn wipe(words: &[AtomicU64]) {
        let (turns, done) = turns(size_of_val(words));
        // SAFETY: there are as many whole turns, and an atomic may be written through a shared reference.
        unsafe { zero_turns(words.as_ptr().cast_mut().cast(), turns) };
        portable::wipe(&words[done..]);
    }

    /// # Safety
    ///
    /// From `from` on as many whole turns can be read, from `to` on as many be written. Of the two that which is
    /// shared consists of atomics; the other one nobody else writes.
    unsafe fn move_turns(mut from: *const u8, mut to: *mut u8, turns: usize) {
        for _ in 0..turns {
            // SAFETY: by this function's own contract; it clobbers what it says.
            #[cfg(target_arch = "x86_64")]
            unsafe {
                asm!(
                    "movups {a}, [{from}]",
                    "movups {b}, [{from} + 16]",
                    "movups {c}, [{from} + 32]",
                    "movups {d}, [{from} + 48]",
                    "movups [{to}], {a}",
                    "movups [{to} + 16], {b}",
                    "movups [{to} + 32], {c}",
                    "movups [{to} + 48], {d}",
                    from = in(reg) from, to = in(reg) to,
                    a = out(xmm_reg) _, b = out(xmm_reg) _, c = out(xmm_reg) _, d = out(xmm_reg) _,
                    options(nostack, preserves_flags),
                );
            }
            // SAFETY: as above.
            #[cfg(target_arch = "aarch64")]
            unsafe {
                asm!(
                    "ldp {a:q}, {b:q}, [{from}]",
                    "ldp {c:q}, {d:q}, [{from}, #32]",
                    "stp {a:q}, {b:q}, [{to}]",
                    "stp {c:q}, {d:q}, [{to}, #32]",
                    from = in(reg) from, to = in(reg) to,
                    a = out(vreg) _, b = out(vreg) _, c = out(vreg) _, d = out(vreg) _,
                    options(nostack, preserves_flags),
                );
            }
            (from, to) = (from.wrapping_add(TURN), to.wrapping_add(TURN));
        }
    }

    /// # Safety
    ///
    /// From `to` on there are as many whole turns of atomics.
    unsafe fn zero_turns(mut to: *mut u8, turns: usize) {
        for _ in 0..turns {
            // SAFETY: by this function's own contract; it clobbers what it says.
            #[cfg(target_arch = "x86_64")]
            unsafe {
                asm!(
                    "xorps {zero}, {zero}",
                    "movups [{to}], {zero}",
                    "movups [{to} + 16], {zero}",
                    "movups [{to} + 32], {zero}",
                    "movups [{to} + 48], {zero}",
                    to = in(reg) to, zero = out(xmm_reg) _,
                    options(nostack, preserves_flags),
                );
            }
            // SAFETY: as above.
            #[cfg(target_arch = "aarch64")]
            unsafe {
                asm!(
                    "stp xzr, xzr, [{to}]",
                    "stp xzr, xzr, [{to}, #16]",
                    "stp xzr, xzr, [{to}, #32]",
                    "stp xzr, xzr, [{to}, #48]",
                    to = in(reg) to,
                    options(nostack, preserves_flags),
                );
            }
            to = to.wrapping_add(TURN);
        }
    }
}

#[cfg(all(test, not(any(loom, miri)), any(target_arch = "x86_64", target_arch = "aarch64")))]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::store::sync::Ordering;

    const WORDS: usize = 40;

    fn words() -> [AtomicU64; WORDS] {
        std::array::from_fn(|_| AtomicU64::new(u64::MAX))
    }

    fn content(words: &[AtomicU64]) -> Vec<u64> {
        words.iter().map(|word| word.load(Ordering::Relaxed)).collect()
    }

    proptest! {
        #[test]
        fn both_ways_do_the_same_at_each_place_and_length(
            from in 0..8_usize,
            offset in 0..32_usize,
            bytes in prop::collection::vec(any::<u8>(), 0..=(WORDS - 8) * WORD_BYTES),
        ) {
            let (one, other) = (words(), words());
            let upto = from + bytes.len().div_ceil(WORD_BYTES);
            portable::fill(&one[from..upto], &bytes);
            // At an address of any alignment, as callers bring them.
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
