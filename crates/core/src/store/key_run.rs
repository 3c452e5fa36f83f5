use crate::call_time::Now;

use super::conflict::{Conflict, back_off, retry};
use super::counters::Removal;
use super::index::list::{Hash, NodeSnapshot, RunEnd};
use super::{Store, length};

/// How many dead entries of a key a call removes at most. A later call removes the others.
const MAX_DEAD: u32 = 256;

/// The live entries of one key.
#[derive(Default)]
pub(super) struct KeyRun<'a> {
    /// The clear generation in which all of it was seen.
    pub(super) generation: u64,
    pub(super) live: usize,
    /// The oldest one, if it is not the newest.
    older: Option<NodeSnapshot<'a>>,
    pub(super) newest: Option<NodeSnapshot<'a>>,
    /// The newest unused one, if the newest is used.
    older_unused: Option<NodeSnapshot<'a>>,
    /// An entry that has expired, or that a `clear` has removed.
    pub(super) dead: Option<NodeSnapshot<'a>>,
}

impl<'a> KeyRun<'a> {
    pub(super) fn oldest(&self) -> Option<NodeSnapshot<'a>> {
        self.older.or(self.newest)
    }

    pub(super) fn newest_unused(&self) -> Option<NodeSnapshot<'a>> {
        self.newest.filter(|newest| !newest.state.is_used()).or(self.older_unused)
    }

    // Most runs have one entry, so the fields about several are written when there is a second.
    #[expect(clippy::inline_always, reason = "see `Cursor::peek`")]
    #[inline(always)]
    fn push(&mut self, seen: &NodeSnapshot<'a>) {
        if let Some(last) = self.newest {
            self.older.get_or_insert(last);
            if !last.state.is_used() {
                self.older_unused = Some(last);
            }
        }
        self.live += 1;
        self.newest = Some(*seen);
    }
}

impl Store {
    /// Returns the run of a key. Its last entry was live when its `next` was read. Fails if the run changed under the walk, or a
    /// `clear` came.
    #[expect(clippy::inline_always, reason = "see `Cursor::peek`")]
    #[inline(always)]
    pub(super) fn run(
        &self,
        hash: Hash,
        now: impl Now,
    ) -> Result<(KeyRun<'_>, RunEnd<'_>), Conflict> {
        let generation = self.generations.current();
        let mut run = KeyRun::default();
        let mut walk = self.list.walk(hash);
        while let Some(seen) = walk.next_node()? {
            if seen.size.is_of(generation) && !now.has_come(seen.expires_at) {
                self.blocks.prefetch(seen.place.first(), length(&seen));
                run.push(&seen);
            } else {
                run.dead.get_or_insert(seen);
            }
        }
        run.generation = generation;
        // Otherwise an entry that was stored after a `clear` would seem to be older. The acquire loads of the walk keep
        // this one behind them.
        if generation == self.generations.current() { Ok((run, walk.end())) } else { Err(Conflict) }
    }

    /// Removes dead entries of a key.
    #[cold]
    pub(super) fn remove_dead(&self, hash: Hash, now: impl Now) {
        for attempt in 0..MAX_DEAD {
            match self.run(hash, now) {
                Ok((KeyRun { dead: Some(mut dead), .. }, _)) => {
                    self.delete_node(&mut dead, hash, Removal::Expired, now);
                }
                Ok(_) => return,
                Err(Conflict) => back_off(attempt),
            }
        }
    }

    /// Removes as many entries of a key as it has now, the oldest first. Returns how many this call removed.
    ///
    /// In each round the oldest one leaves, by this thread or by another, so at the end those have left that were seen
    /// first. Entries that other threads add in the meantime may stay.
    pub(super) fn remove_run(&self, hash: Hash, why: Removal, now: impl Now) -> usize {
        let mut removed = 0;
        let mut left = None;
        while left != Some(0) {
            let Ok((run, _)) = retry(|| self.run(hash, now)) else {
                return removed + self.expire_run(hash, now);
            };
            let Some(mut oldest) = run.oldest() else { break };
            removed += usize::from(self.delete_node(&mut oldest, hash, why, now));
            left = Some(left.unwrap_or(run.live) - 1);
        }
        removed
    }

    /// Makes the entries of a key dead. Reads all nodes and no link between them, so it ends whatever other threads do. Returns
    /// how many. A sweep removes them.
    #[cold]
    fn expire_run(&self, hash: Hash, now: impl Now) -> usize {
        let generation = self.generations.current();
        let nodes = (1..=self.list.nodes.highest_used()).filter_map(|id| self.examine(id));
        nodes.filter(|node| node.hash == hash && self.expire_live(node, generation, now)).count()
    }
}
