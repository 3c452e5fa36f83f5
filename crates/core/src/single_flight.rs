//! Who does the full handshake when many connections to one peer begin at once.
//!
//! A lease is one word of a fixed table, in one of a few places of its key, so nobody waits for it and nothing is
//! allocated. Where all of these are taken, a key has no leader, and its connections go on as they are. Where one of them
//! is given up just when two threads ask, either may take another place: both lead, and one handshake more is a full one.

use std::hash::BuildHasher;
#[cfg(not(test))]
use std::hash::RandomState as Hasher;
#[cfg(not(loom))]
use std::sync::atomic::{AtomicU64, Ordering};

#[cfg(loom)]
use loom::sync::atomic::{AtomicU64, Ordering};

use crate::Key;

/// Not random, so that tests may count on which keys meet.
#[cfg(test)]
type Hasher = std::hash::BuildHasherDefault<std::hash::DefaultHasher>;

/// How many peers can have a leader, or a pause, at once.
const SLOTS: usize = if cfg!(loom) { WAYS } else { 4096 };
/// In how many places, one after the other, the lease of a key may be.
const WAYS: usize = 8;
const WAY_BITS: u32 = WAYS.trailing_zeros();

/// For how many milliseconds (ten minutes) a key has no leader after one that brought nothing.
const PAUSE: u64 = 600_000;

/// Somebody waits for the leader.
const HAS_FOLLOWERS: u64 = 1;
/// Not a lease: the last leader brought nothing.
const PAUSED: u64 = 2;
const TAG_BITS: u32 = 20;
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
    way: usize,
}

impl Lease {
    /// A number below 2^53 that stands for it, for other languages.
    #[must_use]
    pub const fn to_bits(self) -> u64 {
        self.until << WAY_BITS | self.way as u64
    }

    /// The lease that a number stands for. One that was never given is released in vain.
    #[must_use]
    pub const fn from_bits(bits: u64) -> Self {
        #[expect(clippy::cast_possible_truncation, reason = "a few bits")]
        Self { until: bits >> WAY_BITS, way: bits as usize % WAYS }
    }
}

/// One word a slot, from the top: until when in milliseconds (42 bits, which from 1970 is 2109), which key (a tag of 20),
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
            let Some((way, word)) = self.find(place, now) else { return Leadership::Alone };
            let is_ours = word & TAG == place.tag;
            let (then, answer) = if until(word) > now {
                if word & PAUSED != 0 {
                    return Leadership::Alone;
                }
                (word | HAS_FOLLOWERS, Leadership::Follows)
            } else if word != 0 && is_ours && word & PAUSED == 0 {
                // Its leader hangs, or ended with its thread.
                (at(now + PAUSE) | place.tag | PAUSED, Leadership::Alone)
            } else {
                let until = now + millis;
                (at(until) | place.tag, Leadership::Leads(Lease { until, way }))
            };
            // Acquire, here and in `find`: pairs with `release`, so that whoever leads after another in its place finds
            // what that stored. In another place it may not, and then does one full handshake more.
            let slot = self.slot(place, way);
            if then == word
                || slot.compare_exchange(word, then, Ordering::Acquire, Ordering::Relaxed).is_ok()
            {
                return answer;
            }
        }
    }

    /// Whether the last leader has brought nothing, so that nobody is to lead now.
    pub(crate) fn is_paused(&self, key: Key<'_>, now: u64) -> bool {
        self.find(self.place(key), now)
            .is_some_and(|(_, word)| word & PAUSED != 0 && until(word) > now)
    }

    /// Whether somebody waits.
    pub(crate) fn release(
        &self,
        key: Key<'_>,
        lease: Lease,
        is_productive: bool,
        now: u64,
    ) -> bool {
        let place = self.place(key);
        let slot = self.slot(place, lease.way);
        let then = if is_productive { 0 } else { at(now + PAUSE) | place.tag | PAUSED };
        let alone = at(lease.until) | place.tag;
        // Nothing but `HAS_FOLLOWERS` is ever added to a lease, so there are two words it can be. Release: pairs with `lead`.
        let replace =
            |word| slot.compare_exchange(word, then, Ordering::Release, Ordering::Relaxed).is_ok();
        !replace(alone) && replace(alone | HAS_FOLLOWERS)
    }

    /// Where the word of a key is or, when it has none, the first place that it may take.
    fn find(&self, place: Place, now: u64) -> Option<(usize, u64)> {
        let mut free: Option<(usize, u64)> = None;
        for way in 0..WAYS {
            let word = self.slot(place, way).load(Ordering::Acquire);
            if word != 0 && word & TAG == place.tag {
                return Some((way, word));
            }
            // Rather one that is empty than one that says that another key's leader hangs.
            let is_better = match free {
                None => until(word) <= now,
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

fn until(word: u64) -> u64 {
    word >> UNTIL_SHIFT
}

#[cfg(test)]
mod tests;
