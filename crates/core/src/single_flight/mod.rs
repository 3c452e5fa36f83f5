//! Leases decide which connection does the full handshake when many to one peer begin at the same time.
//!
//! A lease is one word of a fixed table, in one of a few slots of its key. So no call waits, and none allocates. If all
//! slots of a key are taken, it has no leader, and its connections continue independently. Two threads may ask for a key
//! just when one of its slots becomes free. Then both may lead, which costs one full handshake more.

use std::hash::BuildHasher;
#[cfg(not(test))]
use std::hash::RandomState as Hasher;
#[cfg(not(loom))]
use std::sync::atomic::{AtomicU64, Ordering};

#[cfg(loom)]
use loom::sync::atomic::{AtomicU64, Ordering};

use crate::Key;

/// Not random, so that tests know which keys share slots.
#[cfg(test)]
type Hasher = std::hash::BuildHasherDefault<std::hash::DefaultHasher>;

/// How many keys can have a leader, or a pause, at the same time.
const SLOTS: usize = if cfg!(loom) { WAYS } else { 4096 };
/// How many slots in a row the lease of a key may use.
const WAYS: usize = 8;
const WAY_BITS: u32 = WAYS.trailing_zeros();

/// For how many milliseconds a key has no leader after an unproductive one: ten minutes.
const PAUSE: u64 = 600_000;

/// Flag of a lease: it has followers.
const HAS_FOLLOWERS: u64 = 1;
/// Flag of a pause, which is no lease: the last leader was unproductive.
const PAUSED: u64 = 2;
const TAG_BITS: u32 = 20;
const UNTIL_SHIFT: u32 = TAG_BITS + 2;
const TIME_BITS: u32 = u64::BITS - UNTIL_SHIFT;
const TIME_MASK: u64 = (1 << TIME_BITS) - 1;

/// The role that [`Cache::lead`](crate::Cache::lead) gives a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Leadership {
    /// It leads. Others wait for its session until it [releases](crate::Cache::release) the lease.
    Leads(Lease),
    /// Another connection leads. This one may wait for its session.
    Follows,
    /// No connection leads. This one continues independently.
    Independent,
}

/// The right to do the full handshake for all connections to a peer, for a limited time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lease {
    until: u64,
    way: usize,
}

impl Lease {
    /// Makes the lease in slot `way` of its key that ends at `until`, in the unit of the table that it is of.
    pub(crate) const fn new(until: u64, way: usize) -> Self {
        Self { until, way }
    }

    pub(crate) const fn until(self) -> u64 {
        self.until
    }

    pub(crate) const fn way(self) -> usize {
        self.way
    }

    /// Returns a number below 2^53 that stands for the lease, for other languages.
    #[must_use]
    pub const fn to_bits(self) -> u64 {
        self.until << WAY_BITS | self.way as u64
    }

    /// Returns the lease that a number stands for. The release of a lease that was never given does nothing.
    #[must_use]
    pub const fn from_bits(bits: u64) -> Self {
        #[expect(clippy::cast_possible_truncation, reason = "a few bits")]
        Self { until: bits >> WAY_BITS, way: bits as usize % WAYS }
    }
}

/// One word per slot. From the top: its end in milliseconds (42 bits, which wrap around), a tag of the key (20 bits),
/// two flags. 0 is free.
pub(crate) struct Leases {
    slots: Box<[AtomicU64]>,
    hasher: Hasher,
}

impl Leases {
    pub(crate) fn new() -> Self {
        Self { slots: (0..SLOTS).map(|_| AtomicU64::new(0)).collect(), hasher: Hasher::default() }
    }

    pub(crate) fn lead(&self, key: Key<'_>, millis: u64, now: u64) -> Leadership {
        let place = self.place(key);
        loop {
            let Some((way, word)) = self.find(place, now) else { return Leadership::Independent };
            let is_of_key = word & TAG == place.tag;
            let (then, answer) = if ends_after(word, now) {
                if word & PAUSED != 0 {
                    return Leadership::Independent;
                }
                (word | HAS_FOLLOWERS, Leadership::Follows)
            } else if word != 0 && is_of_key && word & PAUSED == 0 {
                // Its leader hangs, or its thread has ended.
                (at(now.wrapping_add(PAUSE)) | place.tag | PAUSED, Leadership::Independent)
            } else {
                let until = now.wrapping_add(millis) & TIME_MASK;
                (at(until) | place.tag, Leadership::Leads(Lease { until, way }))
            };
            // Acquire, here and in `find`: pairs with `release`. The next leader in the same slot finds what this one stored. In
            // another slot it may not, and then does one full handshake more.
            let slot = self.slot(place, way);
            if then == word
                || slot.compare_exchange(word, then, Ordering::Acquire, Ordering::Relaxed).is_ok()
            {
                return answer;
            }
        }
    }

    /// True if the last leader was unproductive, so that no connection leads now.
    #[cfg(test)]
    pub(crate) fn is_paused(&self, key: Key<'_>, now: u64) -> bool {
        self.find(self.place(key), now)
            .is_some_and(|(_, word)| word & PAUSED != 0 && ends_after(word, now))
    }

    /// Returns true if the lease has followers.
    pub(crate) fn release(
        &self,
        key: Key<'_>,
        lease: Lease,
        is_productive: bool,
        now: u64,
    ) -> bool {
        let place = self.place(key);
        let slot = self.slot(place, lease.way);
        let then = if is_productive { 0 } else { at(now.wrapping_add(PAUSE)) | place.tag | PAUSED };
        let without_followers = at(lease.until) | place.tag;
        // Only `HAS_FOLLOWERS` is ever added to a lease, so its word is one of two. Release: pairs with `lead`.
        let replace =
            |word| slot.compare_exchange(word, then, Ordering::Release, Ordering::Relaxed).is_ok();
        !replace(without_followers) && replace(without_followers | HAS_FOLLOWERS)
    }

    /// Returns the slot of a key and its word, or, if it has none, the first slot that it may take.
    fn find(&self, place: Place, now: u64) -> Option<(usize, u64)> {
        let mut free: Option<(usize, u64)> = None;
        for way in 0..WAYS {
            let word = self.slot(place, way).load(Ordering::Acquire);
            if word != 0 && word & TAG == place.tag {
                return Some((way, word));
            }
            // An empty slot is better than one that says that the leader of another key hangs.
            let is_better = match free {
                None => !ends_after(word, now),
                Some((_, other)) => word == 0 && other != 0,
            };
            if is_better {
                free = Some((way, word));
            }
        }
        free
    }

    fn place(&self, key: Key<'_>) -> Place {
        let hash = self.hasher.hash_one(key);
        #[expect(clippy::cast_possible_truncation, reason = "a remainder of the number of slots")]
        let first = (hash % SLOTS as u64) as usize;
        Place { first, tag: (hash >> (u64::BITS - TAG_BITS)) << 2 }
    }

    fn slot(&self, place: Place, way: usize) -> &AtomicU64 {
        &self.slots[(place.first + way) % SLOTS]
    }
}

#[derive(Clone, Copy)]
struct Place {
    first: usize,
    tag: u64,
}

const TAG: u64 = ((1 << TAG_BITS) - 1) << 2;

fn at(millis: u64) -> u64 {
    millis << UNTIL_SHIFT
}

/// True if a lease or pause ends after `now`. Both times wrap around, so this compares their distance.
fn ends_after(word: u64, now: u64) -> bool {
    const HALF: u64 = 1 << (TIME_BITS - 1);
    let left = (word >> UNTIL_SHIFT).wrapping_sub(now) & TIME_MASK;
    word != 0 && left > 0 && left < HALF
}

#[cfg(test)]
mod tests;
