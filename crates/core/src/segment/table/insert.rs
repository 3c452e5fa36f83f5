//! Inserts sessions.

use super::state::{MASK_48, Record};
use super::{Allocate, Hash, Moment, Seen, Table};
use crate::call_time::Now;
use crate::segment::owner::Owners;
use crate::segment::sync::{Ordering, fence};
use crate::store::counters::{Count, Removal};
use crate::{ANNOTATION_LEN, Annotation, EntryId, Rejected, Ttl};

/// A session that is to be stored.
pub(crate) struct NewSession<'a> {
    pub(crate) hash: Hash,
    pub(crate) annotation: Option<&'a Annotation>,
    pub(crate) blob: &'a [u8],
    pub(crate) ttl: Ttl,
    pub(crate) is_reusable: bool,
    /// How many sessions the key may have beside it. 0: it replaces them.
    pub(crate) others: usize,
}

impl<O: Owners, A: Allocate> Table<'_, O, A> {
    /// Stores a session. Returns its name.
    ///
    /// # Errors
    ///
    /// [`Rejected`] if it is empty or too large, or if there is no memory for it. The sessions of the key stay.
    pub(crate) fn insert<N: Now>(
        &self,
        new: &NewSession<'_>,
        now: Moment<N>,
    ) -> Result<EntryId, Rejected> {
        let len = new.blob.len() + new.annotation.map_or(0, |_| ANNOTATION_LEN);
        let max = self.part.max_bytes();
        let rejected = match len {
            _ if new.blob.is_empty() => Some(Rejected::Empty),
            _ if len > max => Some(Rejected::TooLarge { len: len as u64, max: max as u64 }),
            _ => None,
        };
        let claim = match rejected {
            None => self.claim_slot(new.hash, len, new.others, now).ok_or(Rejected::NoRoom),
            Some(rejected) => Err(rejected),
        };
        let claim = claim.inspect_err(|_| {
            self.counters.add(Count::Rejected);
        })?;
        let sequence = self.marks.next_sequence();
        let record = Record {
            hash: new.hash,
            sequence,
            lifetime: new.ttl.as_millis(),
            wall: now.wall,
            boot: now.stored_at(new.ttl) & MASK_48,
            len,
            is_annotated: new.annotation.is_some(),
        };
        claim.stamp(now.coarse);
        let annotation = new.annotation.map_or(&[][..], |annotation| &annotation[..]);
        self.counters.add(Count::Set);
        if !claim.publish(&record, [annotation, new.blob], new.is_reusable) {
            self.count_gone(Removal::Evicted);
            return Ok(EntryId::NONE);
        }
        // SeqCst: pairs with the fence of every other insertion of the key. Of two that publish at the same time, at least
        // one sees the other session.
        fence(Ordering::SeqCst);
        self.remove_excess(new, now);
        Ok(EntryId::from_bits(sequence))
    }

    /// Removes all sessions of a key but the newest, the stored one included.
    fn remove_excess<N: Now>(&self, new: &NewSession<'_>, now: Moment<N>) {
        let mut all = 0;
        self.scan(new.hash, |seen| {
            if self.is_current(&seen, now) {
                all += 1;
            } else {
                self.remove_seen(&seen, Removal::Expired, now);
            }
        });
        if all <= new.others + 1 {
            return;
        }
        let (mut found, mut count) = ([None::<Seen>; super::WAYS], 0);
        self.scan(new.hash, |seen| {
            found[count] = Some(seen);
            count += 1;
        });
        if count <= new.others + 1 {
            return;
        }
        let found = &mut found[..count];
        found.sort_unstable_by_key(|seen| seen.map(|seen| u64::MAX - seen.record.sequence));
        for seen in found[new.others + 1..].iter().flatten() {
            self.remove_changed(seen, Removal::Replaced, now);
        }
    }
}
