use super::conflict::max_conflicts;
use super::striped::{CachePadded, STRIPES, stripe};
use super::sync::{AtomicU64, Ordering};

/// The right to hold a number of entries and of bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Quota {
    pub(super) entries: u64,
    pub(super) bytes: u64,
}

const BYTES_BITS: u32 = 37;
const BYTES_MASK: u64 = (1 << BYTES_BITS) - 1;

impl Quota {
    pub(super) fn entry(bytes: u64) -> Self {
        Self { entries: 1, bytes }
    }

    pub(super) fn is_none(self) -> bool {
        self == Self::default()
    }

    pub(super) fn plus(self, other: Self) -> Self {
        Self { entries: self.entries + other.entries, bytes: self.bytes + other.bytes }
    }

    /// Returns what is missing to have `self` with `other` in hand.
    pub(super) fn beyond(self, other: Self) -> Self {
        Self {
            entries: self.entries.saturating_sub(other.entries),
            bytes: self.bytes.saturating_sub(other.bytes),
        }
    }

    /// Returns the minimum of each.
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

/// The quota that no entry and no thread has. An entry keeps its quota while it is stored, so there are never more
/// entries or bytes than there was quota at first.
pub(super) struct QuotaPool {
    all: Quota,
    stripes: Vec<CachePadded<AtomicU64>>,
}

impl QuotaPool {
    /// With a single stripe, quota is never gathered in pieces.
    pub(super) fn new(all: Quota, single_stripe: bool) -> Self {
        let count = if single_stripe { 1 } else { STRIPES };
        let mut stripes: Vec<_> = (0..count).map(|_| CachePadded(AtomicU64::new(0))).collect();
        stripes[0] = CachePadded(AtomicU64::new(all.pack()));
        Self { all, stripes }
    }

    /// A pool whose quota is spread over stripes.
    #[cfg(all(loom, test))]
    pub(super) fn apart(stripes: &[Quota]) -> Self {
        let all = stripes.iter().fold(Quota::default(), |sum, quota| sum.plus(*quota));
        let stripes =
            stripes.iter().map(|quota| CachePadded(AtomicU64::new(quota.pack()))).collect();
        Self { all, stripes }
    }

    /// Adds to `have` what `need` asks beyond it, as far as there is. Returns whether that is all.
    pub(super) fn gather(&self, need: Quota, have: &mut Quota) -> bool {
        let start = stripe();
        for step in 0..self.stripes.len() {
            let missing = need.beyond(*have);
            if missing.is_none() {
                return true;
            }
            let stripe = &self.stripes[(start + step) % self.stripes.len()].0;
            *have = have.plus(Self::take(stripe, missing));
        }
        need.beyond(*have).is_none()
    }

    pub(super) fn give_back(&self, quota: Quota) {
        if !quota.is_none() {
            // The sum of all quota fits, so neither part overflows. Release: pairs with the acquire in `take`. What had
            // the quota is gone before another entry has it.
            let stripe = &self.stripes[stripe() % self.stripes.len()].0;
            stripe.fetch_add(quota.pack(), Ordering::AcqRel);
        }
    }

    /// Returns the quota that entries and threads have. While threads work, some may count twice or not at all.
    pub(super) fn held(&self) -> Quota {
        let stripes = self.stripes.iter();
        stripes.fold(self.all, |held, stripe| {
            // Acquire: pairs with the release in `give_back`.
            held.beyond(Quota::unpack(stripe.0.load(Ordering::Acquire)))
        })
    }

    fn take(stripe: &AtomicU64, wanted: Quota) -> Quota {
        let mut word = stripe.load(Ordering::Relaxed);
        for _ in 0..max_conflicts() {
            let taken = Quota::unpack(word).and(wanted);
            if taken.is_none() {
                return taken;
            }
            // Acquire: pairs with the release in `give_back`.
            match stripe.compare_exchange_weak(
                word,
                word - taken.pack(),
                Ordering::AcqRel,
                Ordering::Relaxed,
            ) {
                Ok(_) => return taken,
                Err(now) => word = now,
            }
        }
        Quota::default()
    }
}
