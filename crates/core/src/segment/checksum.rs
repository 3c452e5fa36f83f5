//! The checksum of sessions and headers: it finds damage, not malice.

const SEEDS: [u64; LANES] =
    [0x9e37_79b9_7f4a_7c15, 0xbf58_476d_1ce4_e5b9, 0x94d0_49bb_1331_11eb, 0xd6e8_feb8_6659_fd93];
const FACTOR: u64 = 0xff51_afd7_ed55_8ccd;

/// The bytes of a turn: a pair of words for each lane.
const TURN: usize = 16 * LANES;
/// Independent chains of multiplications, because one would wait for itself.
const LANES: usize = 4;

/// A sum over words and bytes, in the order in which they are added.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Checksum {
    lanes: [u64; LANES],
    turns: u64,
}

impl Checksum {
    pub(crate) fn new() -> Self {
        Self { lanes: SEEDS, turns: 0 }
    }

    pub(crate) fn add_words(mut self, words: &[u64]) -> Self {
        let (turns, rest) = words.as_chunks::<LANES>();
        for turn in turns {
            for (lane, word) in self.lanes.iter_mut().zip(turn) {
                *lane = fold(*lane ^ word, FACTOR);
            }
        }
        self.turns = self.turns.wrapping_add(turns.len() as u64);
        for word in rest {
            self.add(*word, 0);
        }
        self
    }

    /// Adds bytes, and zeros up to a multiple of 16. The caller adds the length if it may vary.
    #[inline]
    pub(crate) fn add_bytes(mut self, bytes: &[u8]) -> Self {
        let (turns, rest) = bytes.as_chunks::<TURN>();
        let mut lanes = self.lanes;
        for turn in turns {
            let (pairs, _) = turn.as_chunks::<16>();
            for (lane, pair) in lanes.iter_mut().zip(pairs) {
                *lane = fold(*lane ^ low(pair), FACTOR ^ high(pair));
            }
        }
        self.lanes = lanes;
        self.turns = self.turns.wrapping_add(turns.len() as u64);
        let (pairs, rest) = rest.as_chunks::<16>();
        for pair in pairs {
            self.add(low(pair), high(pair));
        }
        if !rest.is_empty() {
            let mut last = [0; 16];
            last[..rest.len()].copy_from_slice(rest);
            self.add(low(&last), high(&last));
        }
        self
    }

    /// Returns the sum, which is never 0: zeros are what a wiped slot has.
    pub(crate) fn finish(self) -> u64 {
        let [a, b, c, d] = self.lanes;
        fold(fold(a, b ^ self.turns), fold(c, d) ^ FACTOR).max(1)
    }

    /// Adds to the first lane and moves on to the next one.
    fn add(&mut self, low: u64, high: u64) {
        self.lanes.rotate_left(1);
        self.lanes[0] = fold(self.lanes[0] ^ low, FACTOR ^ high);
        self.turns = self.turns.wrapping_add(1);
    }
}

fn low(bytes: &[u8; 16]) -> u64 {
    let (words, _) = bytes.as_chunks::<8>();
    u64::from_ne_bytes(words[0])
}

fn high(bytes: &[u8; 16]) -> u64 {
    let (words, _) = bytes.as_chunks::<8>();
    u64::from_ne_bytes(words[1])
}

/// Multiplies and folds the halves of the product. A factor of 0 would hide the other one, so both are added again.
fn fold(a: u64, b: u64) -> u64 {
    let product = u128::from(a) * u128::from(b);
    #[expect(clippy::cast_possible_truncation, reason = "the low half")]
    let low = product as u64;
    low ^ (product >> 64) as u64 ^ a.rotate_left(32) ^ b
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    fn sum(bytes: &[u8]) -> u64 {
        Checksum::new().add_words(&[7]).add_bytes(bytes).finish()
    }

    #[test]
    fn every_single_bit_changes_the_sum() {
        for len in [0, 1, 15, 16, 17, 31, 32, 33, 64, 1000] {
            let bytes: Vec<u8> = (0..len).map(|at: usize| at.to_le_bytes()[0]).collect();
            let before = sum(&bytes);
            for bit in 0..len * 8 {
                let mut changed = bytes.clone();
                changed[bit / 8] ^= 1 << (bit % 8);
                assert_ne!(sum(&changed), before, "{len} bytes, bit {bit}");
            }
        }
    }

    #[test]
    fn an_order_and_a_word_count() {
        assert_ne!(sum(&[1, 2]), sum(&[2, 1]));
        let words = |words: &[u64]| Checksum::new().add_words(words).finish();
        assert_ne!(words(&[1, 2]), words(&[2, 1]));
        assert_ne!(words(&[0]), words(&[0, 0]));
        assert_ne!(words(&[]), 0);
    }
}
