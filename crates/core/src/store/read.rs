use zeroize::Zeroize;

use crate::call_time::Time;
use crate::read_mode::Target;
use crate::{BufferTooSmall, Key, Read};

use super::counters::{Count, Removal};
use super::index::list::{Hash, Seen};
use super::sync::Ordering;
use super::{LockFree, Run, length};

/// An entry changed under the hands of its reader, who looks again.
struct Changed;

impl LockFree {
    /// Copies a blob into the beginning of `out` and tells its length. One that does not fit leaves everything as
    /// it was.
    pub(crate) fn read(
        &self,
        key: Key<'_>,
        how: Read,
        out: &mut impl Target,
        now: impl Time,
    ) -> Result<Option<usize>, BufferTooSmall> {
        let hash = self.hash(key);
        loop {
            let (run, _) = self.run(hash, now);
            let outcome = self.read_chosen(&run, hash, how, out, now);
            let read = match outcome {
                Ok(read) => read?,
                Err(Changed) => continue,
            };
            if run.dead.is_some() {
                self.bury(hash, now);
            }
            return Ok(read);
        }
    }

    fn read_chosen(
        &self,
        run: &Run<'_>,
        hash: Hash,
        how: Read,
        out: &mut impl Target,
        now: impl Time,
    ) -> Result<Result<Option<usize>, BufferTooSmall>, Changed> {
        let chosen = match how {
            Read::Offer => run.newest_unused().or(run.newest),
            Read::Get | Read::Take => run.newest,
        };
        let Some(chosen) = chosen else {
            self.counters.add(Count::Miss);
            return Ok(Ok(None));
        };
        let needed = length(&chosen);
        let out = match out.room(needed) {
            Ok(out) => out,
            Err(too_small) => return Ok(Err(too_small)),
        };
        let goes = match how {
            Read::Get => false,
            Read::Offer => self.options.single_use && !chosen.state.is_reusable(),
            Read::Take => true,
        };
        if goes {
            self.hand_out(&chosen, hash, out, now)?;
        } else {
            self.show(&chosen, how, out)?;
        }
        Ok(Ok(Some(needed)))
    }

    fn hand_out(
        &self,
        chosen: &Seen<'_>,
        hash: Hash,
        out: &mut [u8],
        now: impl Time,
    ) -> Result<(), Changed> {
        self.table.mark_unchanged(chosen).map_err(|_| Changed)?;
        // Marked by this thread: the blob is its own until it wipes it.
        self.blocks.copy(chosen.place.first(), out);
        self.permits.give(self.finish(chosen, hash, Removal::HandedOut, now));
        Ok(())
    }

    fn show(&self, chosen: &Seen<'_>, how: Read, out: &mut [u8]) -> Result<(), Changed> {
        self.blocks.copy(chosen.place.first(), out);
        // The copy ends with an acquire fence, so that this stays behind it: if the version did not move, what was
        // copied is the entry. Who offers it first marks it in the same step, since a mark without the ticket in hand
        // would be one for nothing if another thread takes it.
        let is_whole = if how == Read::Offer && !chosen.state.is_used() {
            let (old, new) = (chosen.state.0, chosen.state.used().0);
            let state = &self.table.nodes[chosen.id].state;
            state.compare_exchange(old, new, Ordering::Relaxed, Ordering::Relaxed).is_ok()
        } else {
            self.state(chosen.id).version() == chosen.state.version()
        };
        if !is_whole {
            // It may be another entry's.
            out.zeroize();
            return Err(Changed);
        }
        self.touch(chosen.id);
        self.counters.add(Count::Shown);
        Ok(())
    }
}
