//! The state word of a slot, and the other words that belong to it.

use crate::segment::owner::{OWNER_BITS, Owner};

const PHASE_MASK: u64 = 0b11;
const REUSABLE: u64 = 1 << 2;
const USED: u64 = 1 << 3;
const PENDING: u64 = 1 << 4;
const FLAGS: u64 = REUSABLE | USED | PENDING;
const OWNER_SHIFT: u32 = 6;
const VERSION_SHIFT: u32 = OWNER_SHIFT + OWNER_BITS;

/// What a slot is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    /// All other words but the stamp are zero, and so is the payload.
    Empty,
    /// The owner changes it. Of an unknown phase, no owner does.
    Busy,
    /// It has a session.
    Live,
}

/// The state word: from the top, the version (34 bits), an owner (24), one unused bit, pending, used, reusable, the phase (2).
///
/// The owner of a busy slot is the process that changes it. The owner of a pending one is the process that offered it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct State(pub(super) u64);

impl State {
    pub(super) const fn phase(self) -> Phase {
        match self.0 & PHASE_MASK {
            0 => Phase::Empty,
            2 => Phase::Live,
            _ => Phase::Busy,
        }
    }

    pub(super) const fn is_live(self) -> bool {
        self.0 & PHASE_MASK == 2
    }

    /// True if no version of the package writes such a word, so that no process can be at work on it.
    pub(super) const fn is_unknown(self) -> bool {
        self.0 & PHASE_MASK == 3
    }

    pub(super) const fn owner(self) -> Owner {
        Owner::from_bits(self.0 >> OWNER_SHIFT)
    }

    pub(super) const fn is_reusable(self) -> bool {
        self.0 & REUSABLE != 0
    }

    pub(super) const fn is_used(self) -> bool {
        self.0 & USED != 0
    }

    pub(super) const fn is_pending(self) -> bool {
        self.0 & PENDING != 0
    }

    /// True if the session has not changed between the two words. An offer changes the flags only.
    pub(super) const fn is_same_session(self, other: Self) -> bool {
        const CONTENT: u64 = u64::MAX << VERSION_SHIFT | PHASE_MASK;
        (self.0 ^ other.0) & CONTENT == 0
    }

    /// Returns the next state: the owner changes the slot.
    pub(super) const fn busy(self, owner: Owner) -> Self {
        Self(self.next_version() | owner.to_bits() << OWNER_SHIFT | 1)
    }

    /// Returns the next state: the slot is empty.
    pub(super) const fn empty(self) -> Self {
        Self(self.next_version())
    }

    /// Returns the next state: the slot has a session that was not offered yet.
    pub(super) const fn live(self, is_reusable: bool) -> Self {
        Self(self.next_version() | if is_reusable { REUSABLE } else { 0 } | 2)
    }

    /// Returns the state of a session that a process offers and that it has not settled.
    pub(super) const fn offered(self, by: Owner) -> Self {
        Self(self.without_owner() | by.to_bits() << OWNER_SHIFT | USED | PENDING)
    }

    /// Returns the state of a session whose offer came to a conclusive end.
    pub(super) const fn settled(self) -> Self {
        Self(self.without_owner() & !PENDING)
    }

    const fn without_owner(self) -> u64 {
        self.0 & (u64::MAX << VERSION_SHIFT | FLAGS | PHASE_MASK)
    }

    const fn next_version(self) -> u64 {
        (self.0 >> VERSION_SHIFT).wrapping_add(1) << VERSION_SHIFT
    }
}

const USE_BITS: u32 = 37;
const USE_SHIFT: u32 = 64 - USE_BITS;
const PENDING_SHIFT: u32 = 11;
const PENDING_MASK: u64 = (1 << 16) - 1;
const ALLOCATED_MASK: u64 = (1 << PENDING_SHIFT) - 1;

/// The stamp word. From the top: the last use (37 bits of milliseconds), the last offer (16 bits of seconds), and the KiB of
/// payload that are allocated (11 bits). Times wrap around.
///
/// It changes only by compare-and-swap, also by readers, so that what is allocated is never forgotten.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Stamp(pub(super) u64);

impl Stamp {
    /// Returns the stamp of a session that is used now.
    pub(super) const fn used_at(self, millis: u64) -> Self {
        Self(self.0 << USE_BITS >> USE_BITS | millis << USE_SHIFT)
    }

    /// Returns for how many milliseconds the session was not used. A use in the future counts as the oldest.
    pub(super) const fn idle(self, now: u64) -> u64 {
        now.wrapping_sub(self.0 >> USE_SHIFT) & ((1 << USE_BITS) - 1)
    }

    /// Returns the stamp of a session that is offered now.
    pub(super) const fn offered_at(self, millis: u64) -> Self {
        let since = (millis / 1000) & PENDING_MASK;
        Self(self.0 & !(PENDING_MASK << PENDING_SHIFT) | since << PENDING_SHIFT)
    }

    /// Returns for how many seconds the session has been pending.
    pub(super) const fn pending_for(self, now: u64) -> u64 {
        (now / 1000).wrapping_sub(self.0 >> PENDING_SHIFT) & PENDING_MASK
    }

    /// Returns how many bytes of the payload may be touched.
    pub(super) const fn allocated(self) -> usize {
        let units = (self.0 & ALLOCATED_MASK) as usize;
        units * 1024
    }

    /// Returns the stamp of a slot whose payload is allocated up to a length, or up to more.
    pub(super) const fn with_allocated(self, bytes: usize) -> Self {
        let units = bytes.div_ceil(1024) as u64 & ALLOCATED_MASK;
        let before = self.0 & ALLOCATED_MASK;
        Self(self.0 & !ALLOCATED_MASK | if units > before { units } else { before })
    }
}

/// The 128-bit hash of a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Hash {
    pub(crate) high: u64,
    pub(crate) low: u64,
}

/// What a slot says about its session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Record {
    pub(super) hash: Hash,
    /// 48 bits. A later session has a higher one.
    pub(super) sequence: u64,
    /// Milliseconds, 32 bits.
    pub(super) lifetime: u64,
    /// The wall clock when it was stored: milliseconds since 1970, 42 bits.
    pub(super) wall: u64,
    /// `CLOCK_BOOTTIME` when it was stored: milliseconds, 48 bits, or [`NO_BOOT_TIME`].
    pub(super) boot: u64,
    /// The bytes of the payload, 21 bits.
    pub(super) len: usize,
    /// True if the payload begins with an annotation.
    pub(super) is_annotated: bool,
}

/// The part of a record that sums read: two words that adjoin.
pub(super) struct Usage {
    pub(super) sequence: u64,
    pub(super) len: u64,
    pub(super) wall: u64,
}

impl Usage {
    /// `word` returns a word of the record.
    pub(super) fn of(word: impl Fn(usize) -> u64) -> Self {
        let (sequence, size) = (word(2), word(3));
        Self { sequence: sequence & MASK_48, len: size & LEN_MASK, wall: size >> 22 }
    }
}

/// The words of a record.
pub(super) const RECORD_WORDS: usize = 5;

/// The process that stored the session has another `CLOCK_BOOTTIME`.
pub(super) const NO_BOOT_TIME: u64 = MASK_48;

pub(super) const MASK_48: u64 = (1 << 48) - 1;
const WALL_MASK: u64 = (1 << 42) - 1;
const LEN_MASK: u64 = (1 << 21) - 1;

impl Record {
    pub(super) const fn to_words(self) -> [u64; RECORD_WORDS] {
        [
            self.hash.high,
            self.hash.low,
            self.sequence & MASK_48 | self.lifetime >> 16 << 48,
            (self.wall & WALL_MASK) << 22
                | (self.is_annotated as u64) << 21
                | self.len as u64 & LEN_MASK,
            self.boot & MASK_48 | self.lifetime << 48,
        ]
    }

    pub(super) const fn from_words(words: [u64; RECORD_WORDS]) -> Self {
        let [high, low, sequence, size, boot] = words;
        let len = (size & LEN_MASK) as usize;
        Self {
            hash: Hash { high, low },
            sequence: sequence & MASK_48,
            lifetime: (sequence >> 48 << 16) | boot >> 48,
            wall: size >> 22,
            boot: boot & MASK_48,
            len,
            is_annotated: size >> 21 & 1 != 0,
        }
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn a_state_keeps_its_parts_apart() {
        let (one, other) = (Owner::new(1023, 16_383), Owner::new(7, 9));
        let live = State(u64::MAX << VERSION_SHIFT).live(true);
        assert_eq!((live.phase(), live.owner()), (Phase::Live, Owner::NONE));
        assert_eq!(live.0 >> VERSION_SHIFT, 0, "versions wrap around");
        assert!(live.is_reusable() && !live.is_used() && !live.is_pending());
        let offered = live.offered(one);
        assert!(offered.is_pending() && offered.is_used() && offered.is_reusable());
        assert!((offered.owner(), offered.is_same_session(live)) == (one, true));
        let settled = offered.settled();
        assert!(!settled.is_pending() && settled.is_used() && settled.owner() == Owner::NONE);
        let busy = settled.busy(other);
        assert_eq!((busy.phase(), busy.owner()), (Phase::Busy, other));
        assert!(!busy.is_same_session(settled) && !busy.is_pending() && !busy.is_unknown());
        assert_eq!(busy.empty().phase(), Phase::Empty);
        assert!(!busy.empty().live(false).is_same_session(settled));
        assert!(State(3).is_unknown() && State(3).phase() == Phase::Busy);
    }

    #[test]
    fn a_stamp_keeps_its_parts_apart() {
        let now = (1 << 37) + 100_000_500;
        let stamp = Stamp(0).with_allocated(1).used_at(now).offered_at(now);
        assert_eq!(
            (stamp.allocated(), stamp.idle(now + 5), stamp.pending_for(now + 7_000)),
            (1024, 5, 7)
        );
        let more = stamp.with_allocated(1025).with_allocated(7);
        assert_eq!((more.allocated(), more.idle(now), more.pending_for(now)), (2048, 0, 0));
        assert!(more.idle(now - 1) > 1 << 36, "a use in the future is the oldest");
        assert_eq!(stamp.with_allocated(1 << 20).allocated(), 1 << 20);
    }

    #[test]
    fn a_record_survives_its_words() {
        let record = Record {
            hash: Hash { high: 1, low: u64::MAX },
            sequence: MASK_48 - 1,
            lifetime: 0xfedc_ba98,
            wall: WALL_MASK - 5,
            boot: 0x1234_5678_9abc,
            len: 1 << 20,
            is_annotated: true,
        };
        assert_eq!(Record::from_words(record.to_words()), record);
        let other =
            Record { is_annotated: false, lifetime: 1, len: 1, boot: NO_BOOT_TIME, ..record };
        assert_eq!(Record::from_words(other.to_words()), other);
    }
}
