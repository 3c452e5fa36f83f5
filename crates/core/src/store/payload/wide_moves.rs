//! Moves of bytes in and out of words, in assembly.
//!
//! To the compiler the assembly may change any memory. The processor makes at least a relaxed access to each word: these
//! moves read and write naturally aligned words of 8 bytes whole. On x86-64 they are in program order. On aarch64 the
//! fences around the calls order them like any other access.
#![allow(unsafe_code)]
#![cfg_attr(portable_words, expect(dead_code, reason = "a checker is used"))]

use std::arch::asm;

use super::atomic_copy::{WORD_BYTES, portable};
use crate::store::sync::AtomicU64;

/// The bytes that the narrowest, the usual and the widest step move.
const PIECE: usize = 16;
const TURN: usize = 64;
#[cfg(target_arch = "x86_64")]
const WIDE_TURN: usize = 256;

/// There must be enough words for the bytes.
#[inline]
pub(super) fn fill(words: &[AtomicU64], bytes: &[u8]) {
    let whole = bytes.len() / PIECE * PIECE;
    // SAFETY: both have that many bytes, and an atomic may be written through a shared reference.
    unsafe { move_pieces(bytes.as_ptr(), words.as_ptr().cast_mut().cast(), whole) };
    if let Some(word) = bytes[whole..].first_chunk::<WORD_BYTES>() {
        portable::fill(&words[whole / WORD_BYTES..], word);
    }
    portable::fill_last(words, bytes);
}

/// There must be enough words for the bytes.
#[inline]
pub(super) fn copy(words: &[AtomicU64], out: &mut [u8]) {
    let whole = out.len() / PIECE * PIECE;
    // SAFETY: both have that many bytes.
    unsafe { move_pieces(words.as_ptr().cast(), out.as_mut_ptr(), whole) };
    if let Some(word) = out[whole..].first_chunk_mut::<WORD_BYTES>() {
        portable::copy(&words[whole / WORD_BYTES..], word);
    }
    portable::copy_last(words, out);
}

#[inline]
pub(super) fn wipe(words: &[AtomicU64]) {
    let whole = size_of_val(words) / PIECE * PIECE;
    // SAFETY: there are that many bytes, and an atomic may be written through a shared reference.
    unsafe { zero_pieces(words.as_ptr().cast_mut().cast(), whole) };
    portable::wipe(&words[whole / WORD_BYTES..]);
}

/// # Safety
///
/// `left` bytes, which are whole pieces, can be read at `from` and written at `to`. One of the two consists of atomics. No
/// other thread writes the other one.
#[inline]
unsafe fn move_pieces(mut from: *const u8, mut to: *mut u8, mut left: usize) {
    #[cfg(target_arch = "x86_64")]
    if left >= WIDE_TURN && is_x86_feature_detected!("avx") {
        let wide = left / WIDE_TURN * WIDE_TURN;
        // SAFETY: the processor has AVX; by the contract of this function.
        unsafe { avx::move_turns(from, to, wide) };
        (from, to, left) = (from.wrapping_add(wide), to.wrapping_add(wide), left - wide);
    }
    while left >= TURN {
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
        (from, to, left) = (from.wrapping_add(TURN), to.wrapping_add(TURN), left - TURN);
    }
    while left >= PIECE {
        // SAFETY: as above.
        #[cfg(target_arch = "x86_64")]
        unsafe {
            asm!(
                "movups {a}, [{from}]",
                "movups [{to}], {a}",
                from = in(reg) from, to = in(reg) to, a = out(xmm_reg) _,
                options(nostack, preserves_flags),
            );
        }
        // SAFETY: as above.
        #[cfg(target_arch = "aarch64")]
        unsafe {
            asm!(
                "ldr {a:q}, [{from}]",
                "str {a:q}, [{to}]",
                from = in(reg) from, to = in(reg) to, a = out(vreg) _,
                options(nostack, preserves_flags),
            );
        }
        (from, to, left) = (from.wrapping_add(PIECE), to.wrapping_add(PIECE), left - PIECE);
    }
}

/// # Safety
///
/// There are `left` bytes of atomics at `to`, which are whole pieces.
#[inline]
unsafe fn zero_pieces(mut to: *mut u8, mut left: usize) {
    #[cfg(target_arch = "x86_64")]
    if left >= WIDE_TURN && is_x86_feature_detected!("avx") {
        let wide = left / WIDE_TURN * WIDE_TURN;
        // SAFETY: the processor has AVX; by the contract of this function.
        unsafe { avx::zero_turns(to, wide) };
        (to, left) = (to.wrapping_add(wide), left - wide);
    }
    while left >= TURN {
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
        (to, left) = (to.wrapping_add(TURN), left - TURN);
    }
    while left >= PIECE {
        // SAFETY: as above.
        #[cfg(target_arch = "x86_64")]
        unsafe {
            asm!(
                "xorps {zero}, {zero}",
                "movups [{to}], {zero}",
                to = in(reg) to, zero = out(xmm_reg) _,
                options(nostack, preserves_flags),
            );
        }
        // SAFETY: as above.
        #[cfg(target_arch = "aarch64")]
        unsafe {
            asm!("stp xzr, xzr, [{to}]", to = in(reg) to, options(nostack, preserves_flags));
        }
        (to, left) = (to.wrapping_add(PIECE), left - PIECE);
    }
}

/// Steps of [`WIDE_TURN`] bytes with registers of 32 bytes. `vzeroupper` at the end keeps later moves of 16 bytes fast.
#[cfg(target_arch = "x86_64")]
mod avx {
    use std::arch::asm;

    use super::WIDE_TURN;

    /// # Safety
    ///
    /// As [`move_pieces`](super::move_pieces), for at least one turn, and whole turns.
    #[target_feature(enable = "avx")]
    pub(super) unsafe fn move_turns(from: *const u8, to: *mut u8, bytes: usize) {
        // SAFETY: by the contract of this function. All registers that change are declared.
        unsafe {
            asm!(
                "2:",
                "vmovdqu ymm0, [{from}]",
                "vmovdqu ymm1, [{from} + 32]",
                "vmovdqu ymm2, [{from} + 64]",
                "vmovdqu ymm3, [{from} + 96]",
                "vmovdqu ymm4, [{from} + 128]",
                "vmovdqu ymm5, [{from} + 160]",
                "vmovdqu ymm6, [{from} + 192]",
                "vmovdqu ymm7, [{from} + 224]",
                "vmovdqu [{to}], ymm0",
                "vmovdqu [{to} + 32], ymm1",
                "vmovdqu [{to} + 64], ymm2",
                "vmovdqu [{to} + 96], ymm3",
                "vmovdqu [{to} + 128], ymm4",
                "vmovdqu [{to} + 160], ymm5",
                "vmovdqu [{to} + 192], ymm6",
                "vmovdqu [{to} + 224], ymm7",
                "add {from}, {turn}",
                "add {to}, {turn}",
                "sub {bytes}, {turn}",
                "jnz 2b",
                "vzeroupper",
                from = inout(reg) from => _, to = inout(reg) to => _, bytes = inout(reg) bytes => _,
                turn = const WIDE_TURN,
                out("ymm0") _, out("ymm1") _, out("ymm2") _, out("ymm3") _,
                out("ymm4") _, out("ymm5") _, out("ymm6") _, out("ymm7") _,
                out("ymm8") _, out("ymm9") _, out("ymm10") _, out("ymm11") _,
                out("ymm12") _, out("ymm13") _, out("ymm14") _, out("ymm15") _,
                options(nostack),
            );
        }
    }

    /// # Safety
    ///
    /// As [`zero_pieces`](super::zero_pieces), for at least one turn, and whole turns.
    #[target_feature(enable = "avx")]
    pub(super) unsafe fn zero_turns(to: *mut u8, bytes: usize) {
        // SAFETY: by the contract of this function. All registers that change are declared.
        unsafe {
            asm!(
                "vxorps xmm0, xmm0, xmm0",
                "2:",
                "vmovdqu [{to}], ymm0",
                "vmovdqu [{to} + 32], ymm0",
                "vmovdqu [{to} + 64], ymm0",
                "vmovdqu [{to} + 96], ymm0",
                "vmovdqu [{to} + 128], ymm0",
                "vmovdqu [{to} + 160], ymm0",
                "vmovdqu [{to} + 192], ymm0",
                "vmovdqu [{to} + 224], ymm0",
                "add {to}, {turn}",
                "sub {bytes}, {turn}",
                "jnz 2b",
                "vzeroupper",
                to = inout(reg) to => _, bytes = inout(reg) bytes => _,
                turn = const WIDE_TURN,
                out("ymm0") _, out("ymm1") _, out("ymm2") _, out("ymm3") _,
                out("ymm4") _, out("ymm5") _, out("ymm6") _, out("ymm7") _,
                out("ymm8") _, out("ymm9") _, out("ymm10") _, out("ymm11") _,
                out("ymm12") _, out("ymm13") _, out("ymm14") _, out("ymm15") _,
                options(nostack),
            );
        }
    }
}
