//! The checksum of sessions and headers: it finds damage, not malice.

const SEEDS: [u64; 4] =
    [0x9e37_79b9_7f4a_7c15, 0xbf58_476d_1ce4_e5b9, 0x94d0_49bb_1331_11eb, 0xd6e8_feb8_6659_fd93];

/// A sum over words and bytes, in the order in which they are added.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Checksum {
    lanes: [u64; 2],
    words: u64,
}

impl Checksum {
    pub(crate) fn new() -> Self {
        Self { lanes: [SEEDS[0], SEEDS[1]], words: 0 }
    }

    pub(crate) fn add_words(mut self, words: &[u64]) -> Self {
        for word in words {
            self.add(*word, 0);
        }
        self
    }

    /// Adds bytes, and zeros up to a multiple of 16. The caller adds the length if it may vary.
    pub(crate) fn add_bytes(mut self, bytes: &[u8]) -> Self {
        let (pairs, rest) = bytes.as_chunks::<16>();
        let (fours, twos) = pairs.as_chunks::<2>();
        // Two chains of multiplications, because one would wait for itself.
        let [mut one, mut other] = self.lanes;
        for four in fours {
            one = fold(one ^ low(&four[0]), SEEDS[2] ^ high(&four[0]));
            other = fold(other ^ low(&four[1]), SEEDS[3] ^ high(&four[1]));
        }
        self.lanes = [one, other];
        self.words = self.words.wrapping_add(fours.len() as u64);
        for two in twos {
            self.add(low(two), high(two));
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
        let [one, other] = self.lanes;
        fold(one ^ SEEDS[3], other ^ self.words ^ SEEDS[2]).max(1)
    }

    fn add(&mut self, low: u64, high: u64) {
        let [one, other] = self.lanes;
        self.lanes = [other, fold(one ^ low, SEEDS[2] ^ high ^ other)];
        self.words = self.words.wrapping_add(1);
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
