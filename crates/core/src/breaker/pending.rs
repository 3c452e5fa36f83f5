//! Offers that the peer has not answered yet.

#[cfg(not(loom))]
use std::sync::atomic::{AtomicU64, Ordering};

#[cfg(loom)]
use loom::sync::atomic::{AtomicU64, Ordering};

use super::slots::{SLOTS, ways};

const SLOT_BITS: u32 = 12;
const TAG_BITS: u32 = 22;
const TAG_MASK: u64 = (1 << TAG_BITS) - 1;

/// An offer that [`OfferBreaker::started`](super::OfferBreaker::started) recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PendingOffer {
    slot: usize,
    started: u64,
}

impl PendingOffer {
    /// Returns a number from 1 to 2^53 - 1 that stands for it, for other languages.
    #[must_use]
    pub const fn to_bits(self) -> u64 {
        (self.started << SLOT_BITS | self.slot as u64) + 1
    }

    /// Returns the offer that a number stands for. A number that was never given ends no offer.
    #[must_use]
    pub const fn from_bits(bits: u64) -> Self {
        let bits = bits.wrapping_sub(1);
        let slot = (bits & ((1 << SLOT_BITS) - 1)) as usize;
        Self { slot, started: bits >> SLOT_BITS }
    }
}

/// One word a slot, from the top: when the offer was made in milliseconds (42 bits), a tag of the endpoint (22). 0 is free.
pub(super) struct PendingOffers(Box<[AtomicU64]>);

impl PendingOffers {
    pub(super) fn new() -> Self {
        Self((0..SLOTS).map(|_| AtomicU64::new(0)).collect())
    }

    pub(super) fn start(&self, hash: u64, now: u64) -> Option<PendingOffer> {
        let word = now << TAG_BITS | tag(hash);
        // Relaxed: the word publishes nothing but itself.
        let take = |slot: &usize| {
            self.0[*slot].compare_exchange(0, word, Ordering::Relaxed, Ordering::Relaxed).is_ok()
        };
        ways(hash).find(take).map(|slot| PendingOffer { slot, started: now })
    }

    pub(super) fn end(&self, offer: PendingOffer) {
        let Some(slot) = self.0.get(offer.slot) else { return };
        let word = slot.load(Ordering::Relaxed);
        if word != 0 && started(word) == offer.started {
            // If the word has changed, another connection found that the offer hangs.
            let _ = slot.compare_exchange(word, 0, Ordering::Relaxed, Ordering::Relaxed);
        }
    }

    /// Calls `record` if offers are pending for `hang_after` or longer, and then forgets these.
    ///
    /// In this order, so that a connection that does not find the offer any more finds what `record` wrote.
    pub(super) fn expire(&self, hash: u64, hang_after: u64, now: u64, record: impl Fn()) {
        let mut is_recorded = false;
        for slot in ways(hash).map(|slot| &self.0[slot]) {
            // Acquire: pairs with the exchange below.
            let word = slot.load(Ordering::Acquire);
            let hangs = is_of(word, hash) && now.saturating_sub(started(word)) >= hang_after;
            if hangs {
                if !is_recorded {
                    record();
                    is_recorded = true;
                }
                // Release: pairs with the load above. Of a failure nothing follows: the offer ended, or another found it.
                let _ = slot.compare_exchange(word, 0, Ordering::Release, Ordering::Relaxed);
            }
        }
    }

    pub(super) fn forget(&self, hash: u64) {
        for slot in ways(hash).map(|slot| &self.0[slot]) {
            let word = slot.load(Ordering::Relaxed);
            if is_of(word, hash) {
                let _ = slot.compare_exchange(word, 0, Ordering::Relaxed, Ordering::Relaxed);
            }
        }
    }

    pub(super) fn clear(&self) {
        for slot in &self.0 {
            slot.store(0, Ordering::Relaxed);
        }
    }
}

/// Never 0, so that no word of an offer is that of a free slot.
fn tag(hash: u64) -> u64 {
    hash >> (u64::BITS - TAG_BITS) | 1
}

fn is_of(word: u64, hash: u64) -> bool {
    word & TAG_MASK == tag(hash)
}

fn started(word: u64) -> u64 {
    word >> TAG_BITS
}
