//! A table of sessions in shared memory: set-associative, and whole after the death of any process.
//!
//! A slot has one state word. A process that changes a slot first swaps the word to *busy, mine*, then writes, then
//! publishes it as *live* or *empty* with a new version. Readers copy and look at the version again. There is nothing else
//! that could be left half done: no list, no free list, no allocator.

#[cfg(any(test, feature = "_oracle"))]
mod audit;
mod claim;
mod insert;
mod marks;
mod payload;
mod read;
mod remove;
mod slot;
mod state;
mod sweep;
#[cfg(test)]
mod tests;
mod time;
mod victim;

use std::sync::atomic::AtomicU64 as Number;

use crate::call_time::Now;
use crate::segment::layout::{Part, SET_WORDS, WAYS};
use crate::segment::owner::Owners;
use crate::segment::sync::{AtomicU64, Ordering, fence};
use crate::store::counters::{Count, Counters, Removal};

#[cfg(any(test, feature = "_oracle"))]
pub use audit::Audit;
#[cfg(any(test, all(target_os = "linux", target_pointer_width = "64", not(any(loom, miri)))))]
pub(crate) use insert::NewSession;
pub(crate) use marks::Marks;
use payload::Payload;
use slot::{Set, Slot};
pub(crate) use state::Hash;
use state::{Phase, RECORD_WORDS, Record, Stamp, State, Usage};
pub(crate) use time::Moment;

/// How often a call tries again what other threads or processes made fail.
const MAX_CONFLICTS: u32 = if cfg!(loom) { 3 } else { 64 };

/// How often a call scans a set that changes before it finds nothing. A session may move to another slot during a scan: then
/// an earlier slot was still empty, and a later one is empty already.
const SCANS: u32 = 2;

/// A key has no more tickets than this, so that it cannot fill its set.
pub(crate) const MAX_TICKETS: usize = 8;

/// Allocates the memory of payloads.
pub(crate) trait Allocate {
    /// Allocates a range of words of the file. Returns false if there is no room.
    fn allocate(&self, from: usize, words: usize) -> bool;
}

/// What happened in this process that no other cache counts.
#[derive(Debug, Default)]
pub(crate) struct Events {
    /// Sessions that were damaged, and removed.
    pub(crate) damaged: Number,
    /// Insertions that found no room in the file system.
    pub(crate) no_space: Number,
    /// Slots of processes that had died while they changed them.
    pub(crate) recovered: Number,
    /// Sessions that were removed because an offer of them never ended.
    pub(crate) poisoned: Number,
}

/// One table, as a process uses it.
pub(crate) struct Table<'a, O, A> {
    /// The words of the session file.
    pub(crate) words: &'a [AtomicU64],
    pub(crate) part: &'a Part,
    pub(crate) marks: Marks<'a>,
    pub(crate) owners: &'a O,
    pub(crate) memory: &'a A,
    pub(crate) counters: &'a Counters,
    pub(crate) events: &'a Events,
    /// True if a clear empties the table.
    pub(crate) is_clearable: bool,
}

/// A live slot as it was when it was read.
#[derive(Debug, Clone, Copy)]
struct Seen {
    index: usize,
    state: State,
    record: Record,
    stamp: Stamp,
}

/// The state words of a set, as a scan saw them.
type States = [State; WAYS];

impl<O: Owners, A: Allocate> Table<'_, O, A> {
    /// True if there is a live session under the hash.
    pub(crate) fn contains<N: Now>(&self, hash: Hash, now: Moment<N>) -> bool {
        for _ in 0..SCANS {
            let mut is_found = false;
            let states = self.scan(hash, |seen| {
                if self.is_current(&seen, now) {
                    is_found = true;
                } else {
                    self.remove_seen(&seen, Removal::Expired, now);
                }
            });
            if is_found || !self.has_changed(hash, &states) {
                return is_found;
            }
        }
        false
    }

    /// Returns the number of sessions and their bytes, expired ones included. What others change at that moment may count.
    pub(crate) fn usage(&self) -> (u64, u64) {
        let (mut count, mut bytes) = (0, 0);
        self.each_held(|len, _| {
            count += 1;
            bytes += len;
        });
        (count, bytes)
    }

    /// Returns when each session was stored, in milliseconds since 1970.
    pub(crate) fn stored_at(&self) -> Vec<u64> {
        let mut all = Vec::new();
        self.each_held(|_, wall| all.push(wall));
        all
    }

    /// Calls `each` with the length of each session, and with the time at which it was stored.
    fn each_held(&self, mut each: impl FnMut(u64, u64)) {
        let watermark = self.watermark();
        let sets = &self.words[self.part.slots..][..self.part.sets * SET_WORDS];
        for set in sets.as_chunks().0 {
            for slot in (0..WAYS).map(|way| Slot { set, way }) {
                // Relaxed: numbers only.
                let is_live = State(slot.state().load(Ordering::Relaxed)).is_live();
                let usage = Usage::of(|word| slot.record(word).load(Ordering::Relaxed));
                if is_live && usage.sequence > watermark {
                    each(usage.len, usage.wall);
                }
            }
        }
    }

    fn watermark(&self) -> u64 {
        if self.is_clearable { self.marks.watermark() } else { 0 }
    }

    /// True if a session is neither expired nor cleared.
    fn is_current<N: Now>(&self, seen: &Seen, now: Moment<N>) -> bool {
        seen.record.sequence > self.watermark() && now.is_within(&seen.record)
    }

    /// Returns the reason for which the removal of a session counts.
    fn reason<N: Now>(&self, seen: &Seen, why: Removal, now: Moment<N>) -> Removal {
        match why {
            Removal::Taken => why,
            _ if seen.record.sequence <= self.watermark() => Removal::Cleared,
            _ if !now.is_within(&seen.record) => Removal::Expired,
            _ => why,
        }
    }

    /// Returns the first slot of the set in which all sessions of a hash are.
    fn set_of(&self, hash: Hash) -> usize {
        // Multiply and shift: the product of the hash, as a fraction, and the number of sets.
        let set = (u128::from(hash.high) * self.part.sets as u128) >> 64;
        #[expect(clippy::cast_possible_truncation, reason = "less than the number of sets")]
        let set = set as usize;
        set * WAYS
    }

    fn slot(&self, index: usize) -> Slot<'_> {
        Slot::of(self.words, self.part, index)
    }

    fn state(&self, index: usize) -> State {
        // Acquire: pairs with the release in `Claim::publish`.
        State(self.slot(index).state().load(Ordering::Acquire))
    }

    fn stamp(&self, index: usize) -> Stamp {
        // Relaxed: numbers only.
        Stamp(self.slot(index).stamp().load(Ordering::Relaxed))
    }

    /// Changes a stamp once. If another thread changed it in between, that use was as late.
    fn set_stamp(&self, index: usize, old: Stamp, new: Stamp) -> bool {
        let word = self.slot(index).stamp();
        old == new
            || word.compare_exchange(old.0, new.0, Ordering::Relaxed, Ordering::Relaxed).is_ok()
    }

    fn payload(&self, index: usize) -> Payload<'_> {
        Payload { words: self.words, part: self.part, index }
    }

    /// Reads a slot. Returns `None` if it is not live, or has another hash. Returns the state as the error if it changed
    /// during the read.
    fn snapshot(&self, index: usize, hash: Option<Hash>) -> Result<Option<Seen>, State> {
        let state = self.state(index);
        self.snapshot_of(index, state, hash)
    }

    fn snapshot_of(
        &self,
        index: usize,
        state: State,
        hash: Option<Hash>,
    ) -> Result<Option<Seen>, State> {
        if state.phase() != Phase::Live {
            return Ok(None);
        }
        let slot = self.slot(index);
        if let Some(hash) = hash
            && slot.record(0).load(Ordering::Relaxed) != hash.high
        {
            return Ok(None);
        }
        let record: [u64; RECORD_WORDS] =
            std::array::from_fn(|word| slot.record(word).load(Ordering::Relaxed));
        let stamp = self.stamp(index);
        // Acquire: keeps the second load of the state behind the words. It pairs with the release fence in `Claim`.
        fence(Ordering::Acquire);
        let again = State(slot.state().load(Ordering::Relaxed));
        if !again.is_same_session(state) {
            // Acquire: pairs with the fence of an insertion. The next scan finds the session that replaced this one.
            fence(Ordering::Acquire);
            return Err(again);
        }
        let record = Record::from_words(record);
        let is_asked = hash.is_none_or(|hash| hash == record.hash);
        Ok(is_asked.then_some(Seen { index, state: again, record, stamp }))
    }

    /// Calls `each` for every live slot of a hash. Returns the state words that it saw.
    fn scan(&self, hash: Hash, mut each: impl FnMut(Seen)) -> States {
        let first = self.set_of(hash);
        let mut states = [State(0); WAYS];
        // Without a branch for each slot: whether a slot is live is not predictable.
        let mut hits = 0_u32;
        let set: &Set = self.slot(first).set;
        for (way, seen) in states.iter_mut().enumerate() {
            let slot = Slot { set, way };
            // Acquire: pairs with the release in `Claim::end`.
            let state = State(slot.state().load(Ordering::Acquire));
            let is_of_hash = slot.record(0).load(Ordering::Relaxed) == hash.high;
            hits |= u32::from(is_of_hash & state.is_live()) << way;
            *seen = state;
        }
        while hits != 0 {
            let way = hits.trailing_zeros() as usize;
            hits &= hits - 1;
            self.payload(first + way).prefetch();
            match self.snapshot_of(first + way, states[way], Some(hash)) {
                Ok(Some(seen)) => each(seen),
                Ok(None) => {}
                // Not the state that was seen first, so that the set counts as changed.
                Err(_) => states[way] = State(!states[way].0),
            }
        }
        states
    }

    /// True if a state word of the set is not the word that a scan saw.
    fn has_changed(&self, hash: Hash, states: &States) -> bool {
        // Acquire: pairs with the release fence in `Claim`. A hash that was wiped already comes after the new session.
        fence(Ordering::Acquire);
        let first = self.set_of(hash);
        (0..WAYS).any(|way| !self.state(first + way).is_same_session(states[way]))
    }

    fn count_gone(&self, why: Removal) {
        self.counters.add(Count::Gone(why));
    }
}
