//! The right to change one slot, from the swap of its state word to *busy* until it is published.

use super::payload::Payload;
use super::state::{Phase, RECORD_WORDS, Record, Stamp, State};
use super::{Allocate, Events, Number, Seen, Slot, Table};
use crate::segment::checksum::Checksum;
use crate::segment::owner::{Owner, Owners};
use crate::segment::sync::{Ordering, fence};

/// A busy slot of this process. It is wiped and emptied when this is dropped, also if the code in between unwinds.
pub(super) struct Claim<'a> {
    slot: Slot<'a>,
    payload: Payload<'a>,
    state: State,
    /// How many bytes of the payload may be other than zero.
    dirty: usize,
}

impl<O: Owners, A: Allocate> Table<'_, O, A> {
    /// Claims a live slot, if it is still as it was seen. The session stays until the claim wipes it.
    pub(super) fn claim_live(&self, seen: &Seen) -> Option<Claim<'_>> {
        let len = self.touchable(seen.index, seen.record.len);
        self.claim(seen.index, seen.state, len)
    }

    pub(super) fn claim_empty(&self, index: usize, state: State) -> Option<Claim<'_>> {
        self.claim(index, state, 0)
    }

    fn claim(&self, index: usize, state: State, dirty: usize) -> Option<Claim<'_>> {
        let slot = self.slot(index);
        let busy = state.busy(self.owners.mine());
        // Acquire: pairs with the release of the thread that published this state, so that its words are seen. If it fails, the
        // next scan finds the session that replaced this one. Release is not needed: nothing was written.
        slot.state()
            .compare_exchange(state.0, busy.0, Ordering::Acquire, Ordering::Acquire)
            .ok()
            .map(|_| {
                // Release: what is written from now on is not seen before the word is busy. Pairs with the acquire fence of
                // readers.
                fence(Ordering::Release);
                Claim { slot, payload: self.payload(index), state: busy, dirty }
            })
    }

    /// Wipes and empties a slot whose owner died while it changed the slot. Returns false if the slot is not such a one.
    pub(super) fn recover(&self, index: usize, state: State) -> bool {
        if state.phase() != Phase::Busy {
            return false;
        }
        let take_over = || {
            let words: [u64; RECORD_WORDS] =
                std::array::from_fn(|word| self.slot(index).record(word).load(Ordering::Relaxed));
            // The dead owner wrote the length before the payload, and wiped it after the payload.
            let len = self.touchable(index, Record::from_words(words).len);
            self.claim(index, state, len).map(drop).is_some()
        };
        let owner = if state.is_unknown() { Owner::NONE } else { state.owner() };
        let is_recovered =
            owner != self.owners.mine() && self.owners.bury(owner, take_over).unwrap_or(false);
        if is_recovered {
            Events::count(&self.events.recovered);
        }
        is_recovered
    }

    /// Limits a length that another process wrote to what exists and is allocated.
    pub(super) fn touchable(&self, index: usize, len: usize) -> usize {
        len.min(self.part.max_bytes()).min(self.stamp(index).allocated())
    }
}

impl Events {
    pub(super) fn count(event: &Number) {
        event.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
    }

    /// Returns how often an event happened.
    pub(crate) fn get(event: &Number) -> u64 {
        event.load(std::sync::atomic::Ordering::Relaxed)
    }
}

impl Claim<'_> {
    /// Marks the slot as used now.
    pub(super) fn stamp(&self, now: u64) {
        let word = self.slot.stamp();
        let old = Stamp(word.load(Ordering::Relaxed));
        let new = old.used_at(now);
        // A late reader of the last session may change it at the same time, which is as good.
        let _ = word.compare_exchange(old.0, new.0, Ordering::Relaxed, Ordering::Relaxed);
    }

    /// Returns the payload. Until the claim ends only this thread changes it.
    pub(super) fn payload(&self) -> Payload<'_> {
        self.payload
    }

    /// Returns the checksum that the session should have.
    pub(super) fn checksum(&self) -> u64 {
        self.slot.checksum().load(Ordering::Relaxed)
    }

    /// Writes a session over the session that was here, and publishes it.
    pub(super) fn publish(mut self, record: &Record, parts: [&[u8]; 2], is_reusable: bool) -> bool {
        self.wipe();
        // If the process dies from here on, the next one wipes that many bytes.
        self.dirty = record.len;
        let words = record.to_words();
        for (word, value) in words.into_iter().enumerate() {
            self.slot.record(word).store(value, Ordering::Relaxed);
        }
        // Release: the length comes before the payload, in the view of the process that recovers the slot.
        fence(Ordering::Release);
        self.payload.fill(0, parts[0]);
        self.payload.fill(parts[0].len(), parts[1]);
        let sum = checksum(words, parts);
        self.slot.checksum().store(sum, Ordering::Relaxed);
        let live = self.state.live(is_reusable);
        let is_published = self.end(live);
        // If not, the slot was taken from this process, and is not its to wipe.
        std::mem::forget(self);
        is_published
    }

    /// Zeroes all words but the state and the stamp.
    fn wipe(&mut self) {
        self.payload.wipe(self.dirty);
        // Release: the payload comes before the length, in the view of the process that recovers the slot.
        fence(Ordering::Release);
        self.slot.checksum().store(0, Ordering::Relaxed);
        for word in 0..RECORD_WORDS {
            self.slot.record(word).store(0, Ordering::Relaxed);
        }
        self.dirty = 0;
    }

    /// Publishes a state. Returns false if the slot was taken from this process, which the others took for dead.
    fn end(&self, state: State) -> bool {
        // Release: pairs with the acquire of the load in `Table::state` and in `claim`.
        self.slot
            .state()
            .compare_exchange(self.state.0, state.0, Ordering::Release, Ordering::Relaxed)
            .is_ok()
    }
}

impl Drop for Claim<'_> {
    fn drop(&mut self) {
        #[cfg(all(test, not(loom)))]
        if crate::segment::stepping::is_killed() {
            return;
        }
        self.wipe();
        self.end(self.state.empty());
    }
}

/// Returns the checksum of a session.
pub(super) fn checksum(record: [u64; RECORD_WORDS], parts: [&[u8]; 2]) -> u64 {
    Checksum::new().add_words(&record).add_bytes(parts[0]).add_bytes(parts[1]).finish()
}
