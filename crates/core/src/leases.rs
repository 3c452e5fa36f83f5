//! Who does the full handshake when many connections to one peer begin at once.
//!
//! A lease is one word of a fixed table, so nobody waits for it and nothing is allocated: where two keys meet in one
//! place, the second has no leader, and its connections go on as they are.

use std::array;
use std::hash::{BuildHasher, RandomState};
#[cfg(not(loom))]
use std::sync::atomic::{AtomicU64, Ordering};

#[cfg(loom)]
use loom::sync::atomic::{AtomicU64, Ordering};

use crate::Key;

/// How many peers can have a leader at once.
const SLOTS: usize = 512;

/// For how many milliseconds (ten minutes) a key has no leader after one that brought nothing.
const PAUSE: u64 = 600_000;

/// Somebody waits for the leader.
const AWAITED: u64 = 1;
/// Not a lease: the last leader brought nothing.
const PAUSED: u64 = 2;
const TAG_BITS: u32 = 18;
const UNTIL_SHIFT: u32 = TAG_BITS + 2;

/// What [`Cache::lead`](crate::Cache::lead) makes of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Leadership {
    /// It leads: others wait for what it brings, until it [releases](crate::Cache::release) the lease.
    Leads(Lease),
    /// Another one leads; it may wait for that one's session.
    Follows,
    /// There is nobody to wait for, and nobody is to wait for it.
    Alone,
}

/// The right to do the full handshake for all connections to a peer, for a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lease {
    until: u64,
}

impl Lease {
    /// A number below 2^53 that stands for it, for other languages.
    #[must_use]
    pub const fn to_bits(self) -> u64 {
        self.until
    }

    /// The lease that a number stands for. One that was never given is released in vain.
    #[must_use]
    pub const fn from_bits(bits: u64) -> Self {
        Self { until: bits }
    }
}

/// One word a slot, from the top: until when in milliseconds (44 bits), which key (a tag of 18), two flags. 0 is free.
pub(crate) struct Leases {
    slots: [AtomicU64; SLOTS],
    hasher: RandomState,
}

impl Leases {
    pub(crate) fn new() -> Self {
        Self { slots: array::from_fn(|_| AtomicU64::new(0)), hasher: RandomState::new() }
    }

    pub(crate) fn lead(&self, key: Key<'_>, millis: u64, now: u64) -> Leadership {
        let (slot, tag) = self.place(key);
        // Acquire, here and below: pairs with `release`, so that whoever leads after another finds what that stored.
        let mut word = slot.load(Ordering::Acquire);
        loop {
            let is_ours = word & TAG == tag;
            let (then, answer) = if until(word) > now {
                if !is_ours || word & PAUSED != 0 {
                    return Leadership::Alone;
                }
                (word | AWAITED, Leadership::Follows)
            } else if word != 0 && is_ours && word & PAUSED == 0 {
                // Its leader hangs, or ended with its thread.
                (at(now + PAUSE) | tag | PAUSED, Leadership::Alone)
            } else {
                let until = now + millis;
                (at(until) | tag, Leadership::Leads(Lease { until }))
            };
            if then == word {
                return answer;
            }
            match slot.compare_exchange_weak(word, then, Ordering::Acquire, Ordering::Acquire) {
                Ok(_) => return answer,
                Err(other) => word = other,
            }
        }
    }

    /// Whether somebody waits.
    pub(crate) fn release(&self, key: Key<'_>, lease: Lease, is_fruitful: bool, now: u64) -> bool {
        let (slot, tag) = self.place(key);
        let then = if is_fruitful { 0 } else { at(now + PAUSE) | tag | PAUSED };
        let alone = at(lease.until) | tag;
        // Nothing but `AWAITED` is ever added to a lease, so there are two words it can be. Release: pairs with `lead`.
        let replace =
            |word| slot.compare_exchange(word, then, Ordering::Release, Ordering::Relaxed).is_ok();
        !replace(alone) && replace(alone | AWAITED)
    }

    fn place(&self, key: Key<'_>) -> (&AtomicU64, u64) {
        let hash = self.hasher.hash_one(key);
        #[expect(clippy::cast_possible_truncation, reason = "a remainder of the number of slots")]
        let slot = &self.slots[(hash % SLOTS as u64) as usize];
        (slot, (hash >> (u64::BITS - TAG_BITS)) << 2)
    }
}

const TAG: u64 = ((1 << TAG_BITS) - 1) << 2;

fn at(millis: u64) -> u64 {
    millis << UNTIL_SHIFT
}

fn until(word: u64) -> u64 {
    word >> UNTIL_SHIFT
}

#[cfg(test)]
mod tests;
