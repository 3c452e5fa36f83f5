use crate::call_time::Now;
use crate::{ANNOTATION_LEN, Annotation, EntryId, EntryOptions, Key, Rejected};

use super::Store;
use super::conflict::{back_off, max_conflicts};
use super::counters::{Count, Removal};
use super::index::list::{Hash, NodeSnapshot, RunEnd};
use super::index::node::{BlockRef, Id, LenAndGeneration, NodeState};
use super::key_run::KeyRun;
use super::lane::{FreeNode, lane};
use super::payload::block_slab::blocks_for;
use super::quota::Quota;
use super::sync::{AtomicU64, Ordering, fence_after_exchange};

/// After how many insertions of a stripe the store is swept.
const INSERTIONS_BETWEEN_SWEEPS: u64 = 100;

/// How often an insertion finds no room before it gives up. Only threads that were stopped with quota in
/// their hands make it look more than a few times.
#[cfg(not(loom))]
const MAX_SHORTAGES: u32 = 1000;
#[cfg(loom)]
const MAX_SHORTAGES: u32 = 1;

/// An entry that is to be stored.
struct NewEntry<'a> {
    hash: Hash,
    blob: &'a [u8],
    annotation: Option<&'a Annotation>,
    expires_at: u64,
    reusable: bool,
    /// How many entries the key may have beside the new one.
    others: usize,
    /// The clear generation in which the key was last read.
    generation: u64,
}

impl NewEntry<'_> {
    /// Returns how many bytes the entry takes.
    fn len(&self) -> usize {
        self.blob.len() + self.annotation.map_or(0, |_| ANNOTATION_LEN)
    }
}

/// The result of an insertion.
pub(crate) struct Inserted {
    pub(crate) id: EntryId,
    pub(crate) sweep_is_due: bool,
}

/// A filled node that is not linked.
#[derive(Clone, Copy)]
struct Unlinked {
    id: Id,
    state: NodeState,
    first: u32,
    len: usize,
    tick: u64,
}

/// What an insertion has gathered, and how often it has failed. Gives all of it back when it is dropped, because the clock
/// of the caller may panic at any time.
struct Progress<'a> {
    store: &'a Store,
    have: Quota,
    node: Option<Unlinked>,
    shortages: u32,
    conflicts: u32,
}

impl Drop for Progress<'_> {
    fn drop(&mut self) {
        if let Some(node) = self.node {
            self.store.free_unlinked(node);
        }
        self.store.quota.give_back(self.have);
    }
}

impl<'a> Progress<'a> {
    fn new(store: &'a Store) -> Self {
        Self { store, have: Quota::default(), node: None, shortages: 0, conflicts: 0 }
    }

    fn may_go_on(&self) -> bool {
        self.shortages < MAX_SHORTAGES && self.conflicts < max_conflicts()
    }

    fn note_conflict(&mut self) {
        back_off(self.conflicts);
        self.conflicts += 1;
    }

    fn note_shortage(&mut self) {
        back_off(self.shortages);
        self.shortages += 1;
    }
}

impl Store {
    /// Stores a blob and removes all other entries of its key. Returns whether a sweep is due.
    pub(crate) fn put(
        &self,
        key: Key<'_>,
        blob: &[u8],
        options: EntryOptions,
        now: impl Now,
    ) -> Result<bool, Rejected> {
        let inserted = self.insert(key, None, blob, options, now, 0);
        inserted.map(|inserted| inserted.sweep_is_due)
    }

    /// Stores as [`put`](Self::put) does, with an annotation.
    pub(crate) fn put_annotated(
        &self,
        key: Key<'_>,
        annotation: &Annotation,
        blob: &[u8],
        options: EntryOptions,
        now: impl Now,
    ) -> Result<Inserted, Rejected> {
        self.insert(key, Some(annotation), blob, options, now, 0)
    }

    /// Stores a blob as the newest entry of its key. Returns whether a sweep is due.
    pub(crate) fn add(
        &self,
        key: Key<'_>,
        blob: &[u8],
        options: EntryOptions,
        now: impl Now,
    ) -> Result<bool, Rejected> {
        let inserted = self.insert(key, None, blob, options, now, self.others());
        inserted.map(|inserted| inserted.sweep_is_due)
    }

    /// Stores as [`add`](Self::add) does, with an annotation.
    pub(crate) fn add_annotated(
        &self,
        key: Key<'_>,
        annotation: &Annotation,
        blob: &[u8],
        options: EntryOptions,
        now: impl Now,
    ) -> Result<Inserted, Rejected> {
        self.insert(key, Some(annotation), blob, options, now, self.others())
    }

    /// Returns how many entries an added one may have beside it.
    pub(super) fn others(&self) -> usize {
        usize::from(self.options.tickets_per_key.get()) - 1
    }

    /// `others`: how many entries there may be beside the new one. If none, the newest entry is overwritten in one step
    /// after all older ones were removed.
    pub(super) fn insert(
        &self,
        key: Key<'_>,
        annotation: Option<&Annotation>,
        blob: &[u8],
        options: EntryOptions,
        now: impl Now,
        others: usize,
    ) -> Result<Inserted, Rejected> {
        let ttl = options.ttl.map_or(self.options.ttl, |own| own.min(self.options.ttl));
        let mut entry = NewEntry {
            hash: self.hash(key),
            blob,
            annotation,
            expires_at: now.end_of(ttl),
            reusable: options.reusable,
            others,
            generation: self.generations.current(),
        };
        self.check(&entry)?;
        let id = self.store(&mut entry, now);
        let sweep_is_due = self.counters.add(Count::Set).is_multiple_of(INSERTIONS_BETWEEN_SWEEPS);
        Ok(Inserted { id, sweep_is_due })
    }

    fn check(&self, entry: &NewEntry<'_>) -> Result<(), Rejected> {
        let (len, max) = (entry.len() as u64, self.options.max_bytes.longest_blob());
        let rejected = if entry.blob.is_empty() {
            Rejected::Empty
        } else if len > max {
            Rejected::TooLarge { len, max }
        } else {
            return Ok(());
        };
        self.counters.add(Count::Rejected);
        Err(rejected)
    }

    /// Returns the name of the entry.
    fn store(&self, entry: &mut NewEntry<'_>, now: impl Now) -> EntryId {
        let mut progress = Progress::new(self);
        while progress.may_go_on() {
            let Ok((run, end)) = self.run(entry.hash, now) else {
                progress.note_conflict();
                continue;
            };
            if run.generation != entry.generation {
                self.renew(entry, progress.node, run.generation);
            }
            if self.make_place(&run, entry, &mut progress, now) {
                continue;
            }
            let over = run.newest.filter(|_| entry.others == 0);
            if !self.gather(entry, over.as_ref(), &mut progress, now) {
                continue;
            }
            if progress.node.is_none() {
                progress.node = self.prepare(entry);
            }
            let Some(new) = progress.node else {
                progress.note_shortage();
                continue;
            };
            if self.link(new, entry, &end, over, &mut progress, now) {
                return EntryId::new(new.id, new.state.version());
            }
            progress.note_conflict();
        }
        drop(progress);
        self.abandon_insert(entry, now);
        EntryId::NONE
    }

    /// Moves an entry to a newer clear generation. A `clear` came before, and removed what the entry replaces. If the entry
    /// kept its generation it would be dead, and would remove entries that other threads stored in the meantime.
    fn renew(&self, entry: &mut NewEntry<'_>, node: Option<Unlinked>, generation: u64) {
        entry.generation = generation;
        if let Some(Unlinked { id, .. }) = node {
            let size = LenAndGeneration::new(entry.len() as u64, generation);
            // Release: as in `prepare`. The exchange in `link` publishes it.
            self.list.nodes[id].size.store(size.0, Ordering::Release);
        }
    }

    /// Removes an entry of the key that has to leave first. Returns false if there is none.
    fn make_place(
        &self,
        run: &KeyRun<'_>,
        entry: &NewEntry<'_>,
        progress: &mut Progress<'_>,
        now: impl Now,
    ) -> bool {
        if let Some(mut dead) = run.dead {
            if !self.delete_node(&mut dead, entry.hash, Removal::Expired, now) {
                progress.note_conflict();
            }
            return true;
        }
        if run.live > entry.others.max(1)
            && let Some(mut oldest) = run.oldest()
        {
            // Its quota is as good as any for the new entry.
            match self.remove_node(&mut oldest, entry.hash, Removal::Replaced, now) {
                Some(quota) => progress.have = progress.have.plus(quota),
                None => progress.note_conflict(),
            }
            return true;
        }
        false
    }

    /// Gathers the quota of the entry, beside that of the entry it overwrites. Returns whether it has all of it.
    fn gather(
        &self,
        entry: &NewEntry<'_>,
        over: Option<&NodeSnapshot<'_>>,
        progress: &mut Progress<'_>,
        now: impl Now,
    ) -> bool {
        let inherited = over.map_or_else(Quota::default, |over| Quota::entry(over.size.len()));
        let needed = Quota::entry(entry.len() as u64).beyond(inherited);
        if self.quota.gather(needed, &mut progress.have) {
            return true;
        }
        let missing = needed.beyond(progress.have);
        let before = progress.have;
        self.evict(missing, over.map(|over| over.id), now, &mut progress.have);
        if progress.have == before {
            progress.note_shortage();
        }
        false
    }

    /// Links a filled node, in place of `over` if there is one. Returns false if the run has changed.
    fn link(
        &self,
        new: Unlinked,
        entry: &NewEntry<'_>,
        end: &RunEnd<'_>,
        mut over: Option<NodeSnapshot<'_>>,
        progress: &mut Progress<'_>,
        now: impl Now,
    ) -> bool {
        let replaced = |over: &NodeSnapshot<'_>| Self::reason(over, Removal::Replaced, now);
        let why = over.as_ref().map_or(Removal::Replaced, replaced);
        if !self.list.link(new.id, end, over.as_mut()) {
            return false;
        }
        progress.node = None;
        let mut have = std::mem::take(&mut progress.have);
        if let Some(over) = over {
            have = have.plus(self.reclaim(&over, entry.hash, why));
        }
        self.quota.give_back(have.beyond(Quota::entry(entry.len() as u64)));
        self.linked(new, entry, now);
        true
    }

    /// Completes an insertion whose node other threads can find.
    fn linked(&self, new: Unlinked, entry: &NewEntry<'_>, now: impl Now) {
        self.recency.stamp_linked(new.id, new.state, new.tick);
        // Pairs with the fence in `clear`: if the drain did not meet the node, this finds the new generation. Pairs with
        // those of `Recency` as well. The stamp was an exchange.
        fence_after_exchange();
        self.recency.announce(new.id, entry.expires_at, self.is_exact());
        if self.generations.current() == entry.generation {
            let size = LenAndGeneration::new(entry.len() as u64, entry.generation);
            self.generations.add(size, entry.generation);
        } else {
            let (id, version) = (new.id, new.state.version());
            self.delete_found(entry.hash, id, version, Removal::Cleared, now);
        }
    }

    /// Returns a node and zeroed blocks that the caller owns from now on, or `None` if all are in use.
    fn allocate(&self, blocks: usize) -> Option<FreeNode> {
        if let Some(node) = lane().and_then(|lane| self.lanes.take(lane, blocks)) {
            return Some(node);
        }
        let id = self.list.allocate()?;
        let Some(first) = self.blocks.allocate(blocks) else {
            self.list.nodes.free(id);
            return None;
        };
        Some(FreeNode { id, first, blocks })
    }

    /// Returns a node and blocks that hold the new entry. `None` if threads in the middle of a call have all the
    /// spare ones.
    fn prepare(&self, entry: &NewEntry<'_>) -> Option<Unlinked> {
        let FreeNode { id, first, .. } = self.allocate(blocks_for(entry.len()))?;
        match entry.annotation {
            None => self.blocks.fill(first, entry.blob),
            Some(annotation) => {
                self.blocks.fill_behind(first, 0, annotation);
                self.blocks.fill_behind(first, ANNOTATION_LEN, entry.blob);
            }
        }
        let tick = self.recency.tick_of_insertion(self.is_exact());
        let node = &self.list.nodes[id];
        let state = self.state(id).next().reusable(entry.reusable);
        let state = state.annotated(entry.annotation.is_some());
        self.recency.begin(id, state);
        // Release: a thread that still reads an earlier life and sees one of these then sees, by its acquire load
        // and the free lists, that the word which led it here has changed.
        let set = |field: &AtomicU64, value| field.store(value, Ordering::Release);
        set(&node.hash_high, entry.hash.high);
        set(&node.hash_low, entry.hash.low);
        set(&node.expires_at, entry.expires_at);
        set(&node.size, LenAndGeneration::new(entry.len() as u64, entry.generation).0);
        set(&node.place, BlockRef::new(first, tick).0);
        set(&node.state, state.0);
        Some(Unlinked { id, state, first, len: entry.len(), tick })
    }

    /// Ends an insertion that found no room, or met conflicts only. The entry counts as stored and evicted at once: a
    /// cache may forget. The entries that it would have replaced are removed.
    fn abandon_insert(&self, entry: &NewEntry<'_>, now: impl Now) {
        if entry.others == 0 {
            self.remove_run(entry.hash, Removal::Replaced, now);
        }
        self.counters.add(Count::Gone(Removal::Evicted));
    }

    /// Wipes and frees a filled node that was never linked.
    fn free_unlinked(&self, new: Unlinked) {
        self.recency.end(new.id, new.state);
        self.list.nodes[new.id].state.store(new.state.next().0, Ordering::Release);
        self.blocks.wipe(new.first, new.len);
        self.blocks.free(new.first, blocks_for(new.len));
        self.list.nodes.free(new.id);
    }
}
