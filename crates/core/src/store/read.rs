use zeroize::Zeroize;

use crate::call_time::Now;
use crate::read_mode::{Destination, ReadMode};
use crate::{ANNOTATION_LEN, BufferTooSmall, Key};

use super::conflict::{Conflict, retry};
use super::counters::{Count, Removal};
use super::index::list::{Hash, NodeSnapshot};
use super::key_run::KeyRun;
use super::sync::Ordering;
use super::{Store, length};

impl Store {
    /// Copies a blob into the beginning of `out`, after its annotation if `out` takes one. Returns the length of what it
    /// copied. A blob that does not fit changes nothing.
    ///
    /// If other threads change the entry each time that it is read, the call ends as a miss.
    pub(crate) fn read(
        &self,
        key: Key<'_>,
        how: ReadMode,
        out: &mut impl Destination,
        now: impl Now,
    ) -> Result<Option<usize>, BufferTooSmall> {
        let hash = self.hash(key);
        let read = retry(|| {
            let (run, _) = self.run(hash, now)?;
            let read = self.read_chosen(&run, hash, how, out)?;
            if read.is_ok() && run.dead.is_some() {
                self.remove_dead(hash, now);
            }
            Ok(read)
        });
        read.unwrap_or_else(|Conflict| {
            self.counters.add(Count::Miss);
            Ok(None)
        })
    }

    fn read_chosen<D: Destination>(
        &self,
        run: &KeyRun<'_>,
        hash: Hash,
        how: ReadMode,
        out: &mut D,
    ) -> Result<Result<Option<usize>, BufferTooSmall>, Conflict> {
        let chosen = match how {
            ReadMode::Offer => run.newest_unused().or(run.newest),
            ReadMode::Get | ReadMode::Take => run.newest,
        };
        let Some(chosen) = chosen else {
            self.counters.add(Count::Miss);
            return Ok(Ok(None));
        };
        let out = match out.reserve(blob_length(&chosen)) {
            Ok(out) => out,
            Err(too_small) => return Ok(Err(too_small)),
        };
        let copied = out.len();
        let is_consumed = match how {
            ReadMode::Get => false,
            ReadMode::Offer => self.options.single_use && !chosen.state.is_reusable(),
            ReadMode::Take => true,
        };
        if is_consumed {
            self.take_chosen::<D>(&chosen, hash, out)?;
        } else {
            self.copy_chosen::<D>(&chosen, how, out)?;
        }
        Ok(Ok(Some(copied)))
    }

    fn take_chosen<D: Destination>(
        &self,
        chosen: &NodeSnapshot<'_>,
        hash: Hash,
        out: &mut [u8],
    ) -> Result<(), Conflict> {
        self.list.mark_unchanged(chosen).map_err(|_| Conflict)?;
        // This thread marked it, so the blob belongs to it until it wipes it.
        self.copy::<D>(chosen, out);
        self.quota.give_back(self.reclaim(chosen, hash, Removal::Taken));
        Ok(())
    }

    /// Copies what `out` takes: the blob, or the annotation and the blob.
    #[inline]
    fn copy<D: Destination>(&self, chosen: &NodeSnapshot<'_>, out: &mut [u8]) {
        let first = chosen.place.first();
        match (D::TAKES_ANNOTATION, chosen.state.is_annotated()) {
            (false, true) => self.blocks.copy_behind(first, ANNOTATION_LEN, out),
            (true, false) => {
                let (annotation, blob) = out.split_at_mut(ANNOTATION_LEN);
                annotation.fill(0);
                self.blocks.copy(first, blob);
            }
            _ => self.blocks.copy(first, out),
        }
    }

    fn copy_chosen<D: Destination>(
        &self,
        chosen: &NodeSnapshot<'_>,
        how: ReadMode,
        out: &mut [u8],
    ) -> Result<(), Conflict> {
        self.copy::<D>(chosen, out);
        // The copy ends with an acquire fence, which keeps this behind it: if the version did not move, the copy is the
        // entry. The first offer marks the entry as used in the same step. Marked earlier, the ticket could be taken by
        // another thread, and the mark would be for nothing.
        let is_whole = if how == ReadMode::Offer && !chosen.state.is_used() {
            let (old, new) = (chosen.state.0, chosen.state.used().0);
            let state = &self.list.nodes[chosen.id].state;
            state.compare_exchange(old, new, Ordering::Relaxed, Ordering::Relaxed).is_ok()
        } else {
            self.state(chosen.id).version() == chosen.state.version()
        };
        if !is_whole {
            // It may be the secret of another entry.
            out.zeroize();
            return Err(Conflict);
        }
        self.recency.touch(chosen.id, chosen.state, self.is_exact());
        self.counters.add(Count::Shown);
        Ok(())
    }
}

/// A blob's length in bytes, without its annotation.
fn blob_length(seen: &NodeSnapshot<'_>) -> usize {
    length(seen) - if seen.state.is_annotated() { ANNOTATION_LEN } else { 0 }
}
