//! Reads: get, offer and take.

use zeroize::Zeroize;

use super::claim::checksum;
use super::payload::Payload;
use super::{Allocate, Events, Hash, MAX_CONFLICTS, Moment, SCANS, Seen, State, Table};
use crate::call_time::Now;
use crate::read_mode::{Destination, ReadMode};
use crate::segment::owner::Owners;
use crate::segment::sync::{Ordering, fence};
use crate::store::counters::{Count, Removal};
use crate::{ANNOTATION_LEN, BufferTooSmall};

/// For how many seconds an offer may be pending. A handshake has ended by then.
pub(crate) const MAX_PENDING: u64 = 120;

/// Why an attempt to read a session found none.
enum Failure {
    /// Another thread or process changed it.
    Conflict,
    /// Its checksum is not that of its content.
    Damaged,
}

impl<O: Owners, A: Allocate> Table<'_, O, A> {
    /// Copies a blob into the beginning of `out`, after its annotation if `out` takes one. Returns the length of what it
    /// copied. A blob that does not fit changes nothing.
    ///
    /// If others change the session each time that it is read, the call ends as a miss.
    ///
    /// `is_single_use`: an offer removes a session that is not reusable.
    pub(crate) fn read<N: Now, D: Destination>(
        &self,
        hash: Hash,
        how: ReadMode,
        is_single_use: bool,
        out: &mut D,
        now: Moment<N>,
    ) -> Result<Option<usize>, BufferTooSmall> {
        let mut scans = 0;
        for _ in 0..MAX_CONFLICTS {
            let (mut chosen, mut has_dead) = (None::<Seen>, false);
            let states = self.scan(hash, |seen| {
                if self.is_current(&seen, now) {
                    self.choose(&mut chosen, seen, how, now);
                } else {
                    has_dead = true;
                }
            });
            if chosen.is_none() && has_dead {
                self.remove_dead(hash, now);
            }
            let Some(seen) = chosen else {
                scans += 1;
                if scans < SCANS && self.has_changed(hash, &states) {
                    continue;
                }
                break;
            };
            let annotation = if seen.record.is_annotated { ANNOTATION_LEN } else { 0 };
            let is_touchable = seen.record.len > annotation
                && seen.record.len == self.touchable(seen.index, seen.record.len);
            if !is_touchable {
                self.remove_damaged(&seen);
                continue;
            }
            let buffer = out.reserve(seen.record.len - annotation)?;
            let is_consumed = match how {
                ReadMode::Get => false,
                ReadMode::Offer => is_single_use && !seen.state.is_reusable(),
                ReadMode::Take => true,
            };
            let result = if is_consumed {
                self.take_chosen::<D>(&seen, buffer)
            } else {
                self.copy_chosen::<N, D>(&seen, how, buffer, now)
            };
            match result {
                Ok(()) => {
                    let len = buffer.len();
                    if has_dead {
                        self.remove_dead(hash, now);
                    }
                    return Ok(Some(len));
                }
                Err(failure) => {
                    // It may be the secret of another session.
                    buffer.zeroize();
                    if matches!(failure, Failure::Damaged) && !is_consumed {
                        self.remove_damaged(&seen);
                    }
                }
            }
        }
        self.counters.add(Count::Miss);
        Ok(None)
    }

    /// Ends the offers of this process under a hash: they came to a conclusive end, so they do not hang.
    pub(crate) fn settle(&self, hash: Hash) {
        let mine = self.owners.mine();
        self.scan(hash, |seen| {
            if seen.state.is_pending() && seen.state.owner() == mine {
                // If the word has changed, the session is another one, or another process offers it.
                let (old, new) = (seen.state.0, seen.state.settled().0);
                let word = self.slot(seen.index).state();
                let _ = word.compare_exchange(old, new, Ordering::Relaxed, Ordering::Relaxed);
            }
        });
    }

    /// Removes the sessions of a key that have expired.
    fn remove_dead<N: Now>(&self, hash: Hash, now: Moment<N>) {
        self.scan(hash, |seen| {
            if !self.is_current(&seen, now) {
                self.remove_seen(&seen, Removal::Expired, now);
            }
        });
    }

    /// Keeps the better one of two sessions. Removes one that must not be offered any more.
    fn choose<N: Now>(&self, chosen: &mut Option<Seen>, seen: Seen, how: ReadMode, now: Moment<N>) {
        if how == ReadMode::Offer && self.is_poisoned(&seen, now) {
            if self.remove_seen(&seen, Removal::Deleted, now) {
                Events::count(&self.events.poisoned);
            }
            return;
        }
        let rank = |seen: &Seen| {
            let is_fresh = how == ReadMode::Offer && !seen.state.is_used();
            (is_fresh, seen.record.sequence)
        };
        if chosen.is_none_or(|best| rank(&best) < rank(&seen)) {
            *chosen = Some(seen);
        }
    }

    /// True if an offer of the session never ended: its process died, or hangs for longer than any handshake.
    pub(super) fn is_poisoned<N: Now>(&self, seen: &Seen, now: Moment<N>) -> bool {
        seen.state.is_pending()
            && (seen.stamp.pending_for(now.coarse) > MAX_PENDING
                || !self.owners.is_alive(seen.state.owner()))
    }

    fn take_chosen<D: Destination>(&self, seen: &Seen, out: &mut [u8]) -> Result<(), Failure> {
        let claim = self.claim_live(seen).ok_or(Failure::Conflict)?;
        let sum = copy::<D>(claim.payload(), seen, out);
        let is_whole = sum == claim.checksum();
        drop(claim);
        if is_whole {
            self.count_gone(Removal::Taken);
            Ok(())
        } else {
            self.count_damage();
            Err(Failure::Damaged)
        }
    }

    fn copy_chosen<N: Now, D: Destination>(
        &self,
        seen: &Seen,
        how: ReadMode,
        out: &mut [u8],
        now: Moment<N>,
    ) -> Result<(), Failure> {
        let slot = self.slot(seen.index);
        let sum = copy::<D>(self.payload(seen.index), seen, out);
        let expected = slot.checksum().load(Ordering::Relaxed);
        // Acquire: keeps what follows behind the copy. Pairs with the release fence in `claim`.
        fence(Ordering::Acquire);
        let state = State(slot.state().load(Ordering::Relaxed));
        if !state.is_same_session(seen.state) {
            // Acquire: as in `Table::snapshot_of`.
            fence(Ordering::Acquire);
            return Err(Failure::Conflict);
        }
        if sum != expected {
            return Err(Failure::Damaged);
        }
        // Another caller has offered it since the scan. There may be a session that was not offered yet.
        if how == ReadMode::Offer && state.is_used() && !seen.state.is_used() {
            return Err(Failure::Conflict);
        }
        // One process at a time answers for an offer. The others only read.
        if how == ReadMode::Offer && !state.is_pending() {
            let is_stamped = (0..MAX_CONFLICTS).any(|_| {
                let stamp = self.stamp(seen.index);
                let offered = stamp.used_at(now.coarse).offered_at(now.coarse);
                self.set_stamp(seen.index, stamp, offered)
            });
            if !is_stamped {
                return Err(Failure::Conflict);
            }
            let offered = state.offered(self.owners.mine());
            // Release: the stamp is seen before the offer. Pairs with the acquire in `Table::state`.
            slot.state()
                .compare_exchange(state.0, offered.0, Ordering::Release, Ordering::Relaxed)
                .map_err(|_| Failure::Conflict)?;
        } else {
            self.set_stamp(seen.index, seen.stamp, seen.stamp.used_at(now.coarse));
        }
        self.counters.add(Count::Shown);
        Ok(())
    }

    fn remove_damaged(&self, seen: &Seen) {
        if self.claim_live(seen).map(drop).is_some() {
            self.count_damage();
        }
    }

    fn count_damage(&self) {
        self.count_gone(Removal::Evicted);
        Events::count(&self.events.damaged);
    }
}

/// Copies what `out` takes: the blob, or the annotation and the blob. Returns the checksum of what was there.
fn copy<D: Destination>(payload: Payload<'_>, seen: &Seen, out: &mut [u8]) -> u64 {
    let record = seen.record.to_words();
    match (D::TAKES_ANNOTATION, seen.record.is_annotated) {
        (false, true) => {
            let mut annotation = [0; ANNOTATION_LEN];
            payload.copy(0, &mut annotation);
            payload.copy(ANNOTATION_LEN, out);
            checksum(record, [&annotation, out])
        }
        (true, false) => {
            let (annotation, blob) = out.split_at_mut(ANNOTATION_LEN);
            annotation.fill(0);
            payload.copy(0, blob);
            checksum(record, [&[], blob])
        }
        (true, true) => {
            payload.copy(0, out);
            let (annotation, blob) = out.split_at(ANNOTATION_LEN);
            checksum(record, [annotation, blob])
        }
        (false, false) => {
            payload.copy(0, out);
            checksum(record, [&[], out])
        }
    }
}
