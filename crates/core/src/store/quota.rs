use super::striped::{LANES, Padded, lane};
use super::sync::{AtomicU64, Ordering};

/// The right to have so many entries with so many bytes together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Permit {
    pub(super) entries: u64,
    pub(super) bytes: u64,
}

const BYTES_BITS: u32 = 37;
const BYTES_MASK: u64 = (1 << BYTES_BITS) - 1;

impl Permit {
    pub(super) fn entry(bytes: u64) -> Self {
        Self { entries: 1, bytes }
    }

    pub(super) fn is_none(self) -> bool {
        self == Self::default()
    }

    pub(super) fn plus(self, other: Self) -> Self {
        Self { entries: self.entries + other.entries, bytes: self.bytes + other.bytes }
    }

    /// What is missing to have `self` with `other` in hand.
    pub(super) fn beyond(self, other: Self) -> Self {
        Self {
            entries: self.entries.saturating_sub(other.entries),
            bytes: self.bytes.saturating_sub(other.bytes),
        }
    }

    /// The lesser of each.
    pub(super) fn and(self, other: Self) -> Self {
        Self { entries: self.entries.min(other.entries), bytes: self.bytes.min(other.bytes) }
    }

    fn pack(self) -> u64 {
        self.entries << BYTES_BITS | self.bytes
    }

    fn unpack(word: u64) -> Self {
        Self { entries: word >> BYTES_BITS, bytes: word & BYTES_MASK }
    }
}

/// All permits that nobody has. What an entry has, or a thread on its way to one, is not here, so there are never
/// more entries or bytes than there were permits in the beginning.
pub(super) struct Permits {
    all: Permit,
    lanes: Vec<Padded<AtomicU64>>,
}

impl Permits {
    /// With one lane, as a small cache has it, nothing is ever gathered in pieces.
    pub(super) fn new(all: Permit, one_lane: bool) -> Self {
        let count = if one_lane { 1 } else { LANES };
        let mut lanes: Vec<_> = (0..count).map(|_| Padded(AtomicU64::new(0))).collect();
        lanes[0] = Padded(AtomicU64::new(all.pack()));
        Self { all, lanes }
    }

    /// As they can lie after a while.
    #[cfg(loom)]
    pub(super) fn apart(lanes: &[Permit]) -> Self {
        let all = lanes.iter().fold(Permit::default(), |sum, permit| sum.plus(*permit));
        let lanes = lanes.iter().map(|permit| Padded(AtomicU64::new(permit.pack()))).collect();
        Self { all, lanes }
    }

    /// Adds to `have` of what `need` asks beyond it, as far as there is. Whether that is all.
    pub(super) fn gather(&self, need: Permit, have: &mut Permit) -> bool {
        let start = lane();
        for step in 0..self.lanes.len() {
            let missing = need.beyond(*have);
            if missing.is_none() {
                return true;
            }
            let lane = &self.lanes[(start + step) % self.lanes.len()].0;
            *have = have.plus(Self::take(lane, missing));
        }
        need.beyond(*have).is_none()
    }

    pub(super) fn give(&self, permit: Permit) {
        if !permit.is_none() {
            // The sum of all permits fits, so neither part overflows. Release pairs with the acquire in `take`:
            // what had the permit is gone before something else has it.
            let lane = &self.lanes[lane() % self.lanes.len()].0;
            lane.fetch_add(permit.pack(), Ordering::AcqRel);
        }
    }

    /// What somebody has. While others are at work one permit may count twice, or not at all.
    pub(super) fn held(&self) -> Permit {
        let lanes = self.lanes.iter();
        lanes.fold(self.all, |held, lane| {
            // Acquire pairs with the release in `give`.
            held.beyond(Permit::unpack(lane.0.load(Ordering::Acquire)))
        })
    }

    fn take(lane: &AtomicU64, wanted: Permit) -> Permit {
        let mut word = lane.load(Ordering::Relaxed);
        loop {
            let taken = Permit::unpack(word).and(wanted);
            if taken.is_none() {
                return taken;
            }
            // Acquire pairs with the release in `give`.
            match lane.compare_exchange_weak(
                word,
                word - taken.pack(),
                Ordering::AcqRel,
                Ordering::Relaxed,
            ) {
                Ok(_) => return taken,
                Err(now) => word = now,
            }
        }
    }
}
