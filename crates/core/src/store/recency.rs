//! Records when each entry was last used.
//!
//! The stamps are stored apart from the nodes, eight in a cache line: the search for a victim reads these and no node. For the
//! same reason there is a bit for each group of 64 stamps that says whether the group may have an entry.

use super::index::node::{Id, NodeState};
use super::memory::reserved::{OutOfAddressSpace, Reserved};
use super::striped::{CachePadded, random};
use super::sync::{AtomicU64, Ordering, fence};

/// Up to this many entries the order of use is exact.
pub(super) const EXACT_UP_TO: u32 = 512;

/// Stamps that share a bit of `occupied`.
const GROUP: u32 = 64;
const GROUPS_PER_WORD: u32 = 64;

/// Beyond [`EXACT_UP_TO`], how many random stamps are compared to find a victim.
const SAMPLES: u32 = 16;

/// How many random stamps are read to find these, before groups are read as a whole.
const MAX_LOOKS: u32 = 32;

/// How many entries are compared where few stamps of the arena have one.
const SPARSE_SAMPLES: u32 = 8;

/// Of how many groups these have to come, if there are as many.
const MIN_GROUPS: u32 = 4;

/// How many groups one search reads at most.
const MAX_GROUPS: u32 = 128;

/// How many groups one search skips at most.
const MAX_SKIPPED: u32 = 256;

const VERSION_BITS: u32 = 16;
const VERSION_MASK: u64 = (1 << VERSION_BITS) - 1;
const NEVER: u64 = (1 << (u64::BITS - VERSION_BITS)) - 1;

/// When an entry was last used: a tick, then the low bits of the version of its node.
///
/// The version keeps a thread that was stopped from stamping a later entry of the same node.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Stamp(u64);

impl Stamp {
    fn new(tick: u64, version: u64) -> Self {
        Self(tick << VERSION_BITS | version & VERSION_MASK)
    }

    /// The stamp of a node that is not linked, or not yet.
    fn unlinked(version: u64) -> Self {
        Self::new(NEVER, version)
    }

    fn tick(self) -> u64 {
        self.0 >> VERSION_BITS
    }

    /// True if the node has an entry. A version is odd while it has one, so a word that was never written has none.
    fn is_linked(self) -> bool {
        self.0 & 1 == 1 && self.tick() != NEVER
    }

    /// True if it was written in that life of the node.
    pub(super) fn is_of(self, version: u64) -> bool {
        (self.0 ^ version) & VERSION_MASK == 0
    }
}

/// An entry that may be evicted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd)]
pub(super) struct Candidate {
    pub(super) id: Id,
    pub(super) stamp: Stamp,
}

/// The least recently used entry of a sample.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Oldest {
    pub(super) candidate: Candidate,
    /// The stamp of the second. Entries with older ones are as good victims.
    pub(super) second: Stamp,
}

#[derive(Default)]
struct Sample {
    best: Option<Candidate>,
    second: Option<Stamp>,
    count: u32,
}

impl Sample {
    #[inline]
    fn add(&mut self, id: Id, stamp: Stamp) {
        self.count += 1;
        match self.best {
            Some(best) if stamp >= best.stamp => {
                if best.id != id && self.second.is_none_or(|second| stamp < second) {
                    self.second = Some(stamp);
                }
            }
            best => {
                if let Some(best) = best {
                    self.second = Some(best.stamp);
                }
                self.best = Some(Candidate { id, stamp });
            }
        }
    }

    fn oldest(self) -> Option<Oldest> {
        let candidate = self.best?;
        Some(Oldest { candidate, second: self.second.unwrap_or(candidate.stamp) })
    }
}

pub(super) struct Recency {
    stamps: Reserved<AtomicU64>,
    /// A bit for each group of stamps. It may be set although the group has no entry, never the other way round.
    occupied: Reserved<AtomicU64>,
    /// The logical time: while the order is exact the number of uses, beyond that a part of the insertions.
    tick: CachePadded<AtomicU64>,
    /// A lower bound of all deadlines. Maintained while the order is exact.
    earliest_deadline: CachePadded<AtomicU64>,
}

impl Recency {
    /// For the nodes with the ids up to `nodes`.
    pub(super) fn new(nodes: usize) -> Result<Self, OutOfAddressSpace> {
        let words = nodes / (GROUP * GROUPS_PER_WORD) as usize + 1;
        Ok(Self {
            stamps: Reserved::new(nodes + 1)?,
            occupied: Reserved::new(words)?,
            tick: CachePadded::default(),
            earliest_deadline: CachePadded(AtomicU64::new(u64::MAX)),
        })
    }

    /// Returns the tick of an insertion.
    pub(super) fn tick_of_insertion(&self, is_exact: bool) -> u64 {
        // Relaxed: a number only, it publishes nothing.
        if is_exact || random().is_multiple_of(16) {
            return self.tick.0.fetch_add(1, Ordering::Relaxed) + 1;
        }
        self.tick.0.load(Ordering::Relaxed)
    }

    /// Begins a life of a node that the caller owns. Nothing evicts it before it is stamped.
    pub(super) fn begin(&self, id: Id, state: NodeState) {
        // Relaxed: no more than the choice of a victim rests on a stamp, and that choice is checked by the version.
        self.stamp(id).store(Stamp::unlinked(state.version()).0, Ordering::Relaxed);
    }

    /// Ends a life of a node that the caller has marked.
    pub(super) fn end(&self, id: Id, state: NodeState) {
        // Relaxed: as in `begin`.
        self.stamp(id).store(Stamp::unlinked(state.next().version()).0, Ordering::Relaxed);
    }

    /// Stamps an entry that was just linked, unless it has been removed again. A sequentially consistent fence has to
    /// follow, and then [`announce`](Self::announce).
    pub(super) fn stamp_linked(&self, id: Id, state: NodeState, tick: u64) {
        let version = state.version();
        let (unlinked, stamp) = (Stamp::unlinked(version), Stamp::new(tick, version));
        // Relaxed: as in `begin`. If it fails, the entry is gone.
        let _ = self.stamp(id).compare_exchange(
            unlinked.0,
            stamp.0,
            Ordering::Relaxed,
            Ordering::Relaxed,
        );
    }

    /// Lets searches find an entry that was stamped before a sequentially consistent fence.
    pub(super) fn announce(&self, id: Id, expires_at: u64, is_exact: bool) {
        let (word, bit) = self.group_bit(id / GROUP);
        // Relaxed: the fence of the caller pairs with the one in `release_group`. Either that one sees the stamp, or this
        // load sees the cleared bit.
        if word.load(Ordering::Relaxed) & bit == 0 {
            word.fetch_or(bit, Ordering::Relaxed);
        }
        // Relaxed: as above, with the fence in `take_earliest_deadline`.
        if is_exact && expires_at < self.earliest_deadline.0.load(Ordering::Relaxed) {
            self.earliest_deadline.0.fetch_min(expires_at, Ordering::Relaxed);
        }
    }

    /// Makes an entry the most recently used one.
    pub(super) fn touch(&self, id: Id, state: NodeState, is_exact: bool) {
        // Relaxed: as in `begin`. Nothing is written if that changes nothing, so that a hot key stays in the caches of all
        // processors.
        let (word, tick) = (self.stamp(id), &self.tick.0);
        let stamp = Stamp(word.load(Ordering::Relaxed));
        let mut now = tick.load(Ordering::Relaxed);
        if !stamp.is_of(state.version()) || stamp.tick() >= now {
            return;
        }
        if is_exact {
            now = tick.fetch_add(1, Ordering::Relaxed) + 1;
        }
        // If it fails, the entry was removed, or another thread has just touched it.
        let _ = word.compare_exchange(
            stamp.0,
            Stamp::new(now, state.version()).0,
            Ordering::Relaxed,
            Ordering::Relaxed,
        );
    }

    /// Takes an entry that turned out to be removed out of the sight of searches. The thread that removed it was stopped
    /// before it did so.
    pub(super) fn forget(&self, candidate: Candidate) {
        let unlinked = Stamp::unlinked(candidate.stamp.0);
        // Relaxed: as in `begin`.
        let _ = self.stamp(candidate.id).compare_exchange(
            candidate.stamp.0,
            unlinked.0,
            Ordering::Relaxed,
            Ordering::Relaxed,
        );
    }

    /// Returns the least recently used entry of the ids up to `last`, `spared` apart.
    pub(super) fn oldest_of_all(&self, last: Id, spared: Id) -> Option<Candidate> {
        let mut best = Stamp(u64::MAX);
        let mut found = 0;
        for (stamp, id) in self.stamps[1..=last as usize].iter().zip(1..) {
            // Relaxed: as in `begin`.
            let stamp = Stamp(stamp.load(Ordering::Relaxed));
            if stamp < best && stamp.is_linked() && id != spared {
                (best, found) = (stamp, id);
            }
        }
        (found != 0).then_some(Candidate { id: found, stamp: best })
    }

    /// Returns the least recently used entry of a random sample of the ids up to `last`, `spared` apart. `None` if it
    /// found none within its bound; a later call looks further.
    pub(super) fn oldest_of_sample(&self, last: Id, spared: Id) -> Option<Oldest> {
        let mut sample = Sample::default();
        for _ in 0..MAX_LOOKS {
            let id = random_below(last) + 1;
            if let Some(stamp) = self.linked(id, spared) {
                sample.add(id, stamp);
                if sample.count == SAMPLES {
                    return sample.oldest();
                }
            }
        }
        if sample.count < SPARSE_SAMPLES {
            self.sample_groups(&mut sample, last, spared);
        }
        sample.oldest()
    }

    /// Returns the entries of the group of `near` that were last used no later than `second`, `spared` apart.
    pub(super) fn older_in_group(
        &self,
        oldest: Oldest,
        last: Id,
        spared: Id,
    ) -> impl Iterator<Item = Candidate> {
        let start = oldest.candidate.id / GROUP * GROUP;
        (start.max(1)..=last.min(start + GROUP - 1)).filter_map(move |id| {
            let stamp = self.linked(id, spared)?;
            (stamp <= oldest.second).then_some(Candidate { id, stamp })
        })
    }

    /// Returns the entries of the ids up to `last`.
    pub(super) fn all(&self, last: Id) -> impl Iterator<Item = Candidate> {
        (1..=last).filter_map(|id| Some(Candidate { id, stamp: self.linked(id, 0)? }))
    }

    /// Adds the entries of some groups to a sample.
    ///
    /// From a random place it first skips a random number of groups that may have entries. Without that, a dense part of
    /// the arena would always be entered at its beginning.
    fn sample_groups(&self, sample: &mut Sample, last: Id, spared: Id) {
        let groups = last / GROUP + 1;
        let words = groups.div_ceil(GROUPS_PER_WORD);
        let start = random_below(words);
        let mut skip = random_below(MAX_SKIPPED);
        let (mut read, mut found) = (0, 0);
        for step in 0..2 * words {
            let index = (start + step) % words;
            // Relaxed: a hint. An entry that is just being stored may be missed.
            let mut word = self.occupied[index as usize].load(Ordering::Relaxed);
            if step < words && skip >= word.count_ones() {
                skip -= word.count_ones();
                continue;
            }
            while word != 0 {
                let group = index * GROUPS_PER_WORD + word.trailing_zeros();
                word &= word - 1;
                if skip > 0 && step < words {
                    skip -= 1;
                    continue;
                }
                read += 1;
                if self.sample_group(sample, group, last, spared) {
                    found += 1;
                } else {
                    self.release_group(group);
                }
                let is_enough = sample.count >= SPARSE_SAMPLES && found >= MIN_GROUPS;
                if is_enough || read == MAX_GROUPS {
                    return;
                }
            }
        }
    }

    /// Returns whether the group has an entry.
    fn sample_group(&self, sample: &mut Sample, group: u32, last: Id, spared: Id) -> bool {
        let start = group * GROUP;
        let mut is_occupied = false;
        for id in start.max(1)..=last.min(start + GROUP - 1) {
            // Relaxed: as in `begin`.
            let stamp = Stamp(self.stamp(id).load(Ordering::Relaxed));
            is_occupied |= stamp.is_linked();
            if stamp.is_linked() && id != spared {
                sample.add(id, stamp);
            }
        }
        is_occupied
    }

    /// Says that a group has no entry, unless one came in the meantime.
    fn release_group(&self, group: u32) {
        let (word, bit) = self.group_bit(group);
        word.fetch_and(!bit, Ordering::Relaxed);
        // Pairs with the fence before `announce`: either this sees the stamp of a new entry, or that one sees the cleared
        // bit and sets it.
        fence(Ordering::SeqCst);
        if (group * GROUP..(group + 1) * GROUP).any(|id| self.linked(id, 0).is_some()) {
            word.fetch_or(bit, Ordering::Relaxed);
        }
    }

    /// Returns a lower bound of all deadlines.
    pub(super) fn earliest_deadline(&self) -> u64 {
        // Relaxed: a hint.
        self.earliest_deadline.0.load(Ordering::Relaxed)
    }

    /// Removes the bound. The caller then reads all entries and lowers it to the earliest deadline.
    pub(super) fn take_earliest_deadline(&self) {
        self.earliest_deadline.0.store(u64::MAX, Ordering::Relaxed);
        // Pairs with the fence before `announce`: either the caller sees the entry, or that one lowers the bound.
        fence(Ordering::SeqCst);
    }

    /// Lowers the bound.
    pub(super) fn lower_earliest_deadline(&self, deadline: u64) {
        self.earliest_deadline.0.fetch_min(deadline, Ordering::Relaxed);
    }

    fn linked(&self, id: Id, spared: Id) -> Option<Stamp> {
        // Relaxed: as in `begin`.
        let stamp = Stamp(self.stamps.get(id as usize)?.load(Ordering::Relaxed));
        (stamp.is_linked() && id != spared).then_some(stamp)
    }

    fn stamp(&self, id: Id) -> &AtomicU64 {
        &self.stamps[id as usize]
    }

    fn group_bit(&self, group: u32) -> (&AtomicU64, u64) {
        let word = &self.occupied[(group / GROUPS_PER_WORD) as usize];
        (word, 1 << (group % GROUPS_PER_WORD))
    }
}

/// Returns a random number below `end`, which is not 0.
fn random_below(end: u32) -> u32 {
    (((random() >> 32) * u64::from(end)) >> 32) as u32
}

#[cfg(all(test, not(loom)))]
mod tests {
    use std::collections::HashSet;

    use super::*;

    fn recency(nodes: u32) -> Recency {
        Recency::new(nodes as usize).unwrap()
    }

    fn state(life: u64) -> NodeState {
        (1..2 * life).fold(NodeState(0), |state, _| state.next())
    }

    fn link(recency: &Recency, id: Id) {
        let tick = recency.tick_of_insertion(true);
        recency.begin(id, state(1));
        recency.stamp_linked(id, state(1), tick);
        recency.announce(id, u64::MAX, true);
    }

    #[test]
    fn a_thread_that_comes_late_stamps_no_later_entry_of_the_node() {
        let recency = recency(10);
        link(&recency, 1);
        recency.end(1, state(1));
        recency.stamp_linked(1, state(1), 7);
        assert_eq!(recency.oldest_of_all(10, 0), None);

        recency.begin(1, state(2));
        recency.stamp_linked(1, state(1), 7);
        assert_eq!(recency.oldest_of_all(10, 0), None, "not linked yet");
        recency.stamp_linked(1, state(2), 1);
        let before = recency.oldest_of_all(10, 0);
        recency.tick_of_insertion(true);
        recency.touch(1, state(1), true);
        assert_eq!(recency.oldest_of_all(10, 0), before);
        recency.touch(1, state(2), true);
        assert!(recency.oldest_of_all(10, 0) > before);
    }

    #[test]
    fn the_oldest_is_the_one_that_was_used_least_recently() {
        let recency = recency(10);
        let oldest = |spared| recency.oldest_of_all(10, spared).map(|oldest| oldest.id);
        (1..=4).for_each(|id| link(&recency, id));
        recency.touch(1, state(1), true);
        assert_eq!((oldest(0), oldest(2)), (Some(2), Some(3)));
        recency.end(2, state(1));
        assert_eq!(oldest(0), Some(3));
        recency.forget(recency.oldest_of_all(10, 0).unwrap());
        assert_eq!(oldest(0), Some(4));
    }

    #[test]
    fn samples_of_a_sparse_arena_come_from_many_groups() {
        // A dense part of a hundred groups among a thousand, or a few entries far apart.
        for ids in [(1..=6_400).collect::<Vec<u32>>(), (1..=64_000).step_by(640).collect()] {
            let recency = recency(64_000);
            for id in &ids {
                link(&recency, *id);
            }
            let found: HashSet<u32> = (0..300)
                .map(|_| recency.oldest_of_sample(64_000, 0).unwrap().candidate.id)
                .inspect(|id| assert!(ids.contains(id)))
                .map(|id| id / GROUP)
                .collect();
            assert!(found.len() > 20, "{}", found.len());
        }
    }
}
