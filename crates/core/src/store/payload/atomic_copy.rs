//! Moves bytes in and out of words that other threads may read or write at the same time.
//!
//! [`portable`] is the specification: a relaxed access to each word. The compiler does not combine such accesses. So on
//! x86-64 and aarch64 [`wide`] uses assembly, which is four to eight times as fast. Checkers that have to see each access
//! get the portable form: loom, Miri, the tests, and `ThreadSanitizer` with `--cfg portable_words`.
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

/// Writes `bytes` from the first word on. The rest of the last word becomes zero.
///
/// # Panics
///
/// If there are too few words, like the other functions.
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

mod portable {
    use super::WORD_BYTES;
    use crate::store::sync::{AtomicU64, Ordering};

    /// There must be enough words for the bytes.
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

    /// There must be enough words for the bytes.
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

/// To the compiler the assembly may change any memory. The processor makes at least a relaxed access to each word: these
/// moves read and write naturally aligned words of 8 bytes whole. On x86-64 they are in program order. On aarch64 the
/// fences around the calls order them like any other access.
#[cfg(all(not(any(loom, miri)), any(target_arch = "x86_64", target_arch = "aarch64")))]
#[cfg_attr(portable_words, expect(dead_code, reason = "a checker is used"))]
mod wide {
    use std::arch::asm;

    use super::{WORD_BYTES, portable};
    use crate::store::sync::AtomicU64;

    /// The bytes that one turn moves.
    const TURN: usize = 64;

    /// Returns the number of whole turns, and of their words.
    fn turns(bytes: usize) -> (usize, usize) {
        (bytes / TURN, bytes / TURN * (TURN / WORD_BYTES))
    }

    /// There must be enough words for the bytes.
    pub(crate) fn fill(words: &[AtomicU64], bytes: &[u8]) {
        let (turns, done) = turns(bytes.len());
        // SAFETY: both have that many whole turns, and an atomic may be written through a shared reference.
        unsafe { move_turns(bytes.as_ptr(), words.as_ptr().cast_mut().cast(), turns) };
        portable::fill(&words[done..], &bytes[turns * TURN..]);
    }

    /// There must be enough words for the bytes.
    pub(crate) fn copy(words: &[AtomicU64], out: &mut [u8]) {
        let (turns, done) = turns(out.len());
        // SAFETY: both have that many whole turns.
        unsafe { move_turns(words.as_ptr().cast(), out.as_mut_ptr(), turns) };
        portable::copy(&words[done..], &mut out[turns * TURN..]);
    }

    pub(crate) fn wipe(words: &[AtomicU64]) {
        let (turns, done) = turns(size_of_val(words));
        // SAFETY: there are that many whole turns, and an atomic may be written through a shared reference.
        unsafe { zero_turns(words.as_ptr().cast_mut().cast(), turns) };
        portable::wipe(&words[done..]);
    }

    /// # Safety
    ///
    /// `turns` whole turns can be read at `from` and written at `to`. One of the two consists of atomics. No other thread
    /// writes the other one.
    unsafe fn move_turns(mut from: *const u8, mut to: *mut u8, turns: usize) {
        for _ in 0..turns {
            // SAFETY: by the contract of this function; the registers are declared.
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
    /// There are `turns` whole turns of atomics at `to`.
    unsafe fn zero_turns(mut to: *mut u8, turns: usize) {
        for _ in 0..turns {
            // SAFETY: by the contract of this function; the registers are declared.
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
