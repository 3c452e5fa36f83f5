use crate::call_time::Now;
use crate::{ANNOTATION_LEN, Annotation, EntryId, EntryOptions, Key, Rejected};

use super::counters::{Count, Removal};
use super::index::list::Hash;
use super::index::node::{BlockRef, Id, LenAndGeneration, NodeState, UNLINKED};
use super::payload::block_slab::blocks_for;
use super::quota::Quota;
use super::sync::{Ordering, fence, spin_loop};
use super::{Store, striped};

/// After how many insertions of a lane a store is swept.
const INSERTIONS_BETWEEN_SWEEPS: u64 = 100;

/// How often an insertion looks for room before it gives up. Only threads stopped with permits in their hands
/// make it look more than a few times.
#[cfg(not(loom))]
const TRIES: u32 = 1000;
#[cfg(loom)]
const TRIES: u32 = 1;

/// A blob on its way into the store.
struct NewEntry<'a> {
    hash: Hash,
    blob: &'a [u8],
    annotation: Option<&'a Annotation>,
    expires_at: u64,
    reusable: bool,
    /// The era in which the key was looked at last.
    clear_generation: u64,
}

impl NewEntry<'_> {
    /// How many bytes it takes.
    fn len(&self) -> usize {
        self.blob.len() + self.annotation.map_or(0, |_| ANNOTATION_LEN)
    }
}

/// What an insertion came to.
pub(crate) struct Inserted {
    pub(crate) id: EntryId,
    pub(crate) sweep_is_due: bool,
}

/// A filled node that is not linked.
#[derive(Clone, Copy)]
struct FilledNode {
    id: Id,
    state: NodeState,
    first: u32,
    tick: u64,
}

impl Store {
    /// Stores a blob in the place of all there is under its key. Whether a sweep is due.
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

    /// Stores as `put` does, with an annotation.
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

    /// Stores a blob as the newest under its key. Whether a sweep is due.
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

    /// Stores as `add` does, with an annotation.
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

    /// How many entries an added one may have beside it.
    pub(super) fn others(&self) -> usize {
        usize::from(self.options.tickets_per_key.get()) - 1
    }

    /// `others`: how many there may be beside the new one. With none, the newest there is is overwritten in one
    /// step; all older ones go before.
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
            clear_generation: self.clear_generation(),
        };
        self.check(&entry)?;
        let id = self.store(&mut entry, now, others);
        let sweep_is_due = self.counters.add(Count::Set).is_multiple_of(INSERTIONS_BETWEEN_SWEEPS);
        Ok(Inserted { id, sweep_is_due })
    }

    fn check(&self, entry: &NewEntry<'_>) -> Result<(), Rejected> {
        let (len, max) = (entry.len() as u64, self.options.max_bytes.longest_blob());
        let refused = if entry.blob.is_empty() {
            Rejected::Empty
        } else if len > max {
            Rejected::TooLarge { len, max }
        } else {
            return Ok(());
        };
        self.counters.add(Count::Rejected);
        Err(refused)
    }

    fn store(&self, entry: &mut NewEntry<'_>, now: impl Now, others: usize) -> EntryId {
        let hash = entry.hash;
        let wanted = Quota::entry(entry.len() as u64);
        let mut have = Quota::default();
        let mut fresh = None;
        let mut tries = 0;
        while tries < TRIES {
            let (run, end) = self.run(hash, now);
            if run.clear_generation != entry.clear_generation {
                // A `clear` came before, so that this comes after it, and with it what is replaced: dead on
                // arrival it would take along what others stored meanwhile.
                entry.clear_generation = run.clear_generation;
                if let Some(FilledNode { id, .. }) = fresh {
                    let size = LenAndGeneration::new(entry.len() as u64, entry.clear_generation);
                    // As in `prepare`: the exchange in `link` publishes it.
                    self.list.nodes[id].size.store(size.0, Ordering::Release);
                }
            }
            if let Some(mut dead) = run.dead {
                self.delete_node(&mut dead, hash, Removal::Expired, now);
                continue;
            }
            if run.live > others.max(1) {
                // Its permit is as good as any for the new one.
                let oldest = &mut run.oldest().expect("there are live ones");
                let quota = self.remove_node(oldest, hash, Removal::Replaced, now);
                have = have.plus(quota.unwrap_or_default());
                continue;
            }
            let mut over = run.newest.filter(|_| others == 0);
            let inherited = over.map_or_else(Quota::default, |over| Quota::entry(over.size.len()));
            if !self.quota.gather(wanted.beyond(inherited), &mut have) {
                let evicted = self.evict(over.map(|over| over.id), now);
                if evicted.is_none() {
                    // It looked at all nodes, so that with many of them it must not look often.
                    tries += 1 + self.list.nodes.highest_used() / 1024;
                }
                have = have.plus(evicted.unwrap_or_default());
                continue;
            }
            if fresh.is_none() {
                fresh = self.prepare(entry);
            }
            let Some(new) = fresh else {
                tries += 1;
                spin_loop();
                continue;
            };
            if !self.list.link(new.id, &end, over.as_mut()) {
                continue;
            }
            if let Some(over) = over {
                have = have.plus(self.reclaim(&over, hash, Removal::Replaced, now));
            }
            self.quota.give_back(have.beyond(wanted));
            self.linked(new, entry, now);
            return EntryId::new(new.id, new.state.version());
        }
        self.quota.give_back(have);
        self.abandon_insert(fresh, entry, now, others);
        EntryId::NONE
    }

    /// What follows the moment from which others find the node.
    fn linked(&self, new: FilledNode, entry: &NewEntry<'_>, now: impl Now) {
        // Nothing but the choice of what to evict rests on the stamp.
        self.list.nodes[new.id].stamp.store(new.tick, Ordering::Relaxed);
        // Pairs with the fence in `clear`: if that did not find the node, this finds the new era.
        fence(Ordering::SeqCst);
        if self.clear_generation() != entry.clear_generation {
            let version = new.state.version();
            if let Some(mut seen) = self.list.find(entry.hash, new.id, version) {
                self.delete_node(&mut seen, entry.hash, Removal::Cleared, now);
            }
        }
    }

    /// A node and blocks with all there is to the new entry. `None` if threads in the middle of an operation have
    /// all the spare ones.
    fn prepare(&self, entry: &NewEntry<'_>) -> Option<FilledNode> {
        let nodes = &self.list.nodes;
        let blocks = blocks_for(entry.len());
        let id = self.list.allocate()?;
        let Some(first) = self.blocks.allocate(blocks) else {
            nodes.free(id);
            return None;
        };
        match entry.annotation {
            None => self.blocks.fill(first, entry.blob),
            Some(annotation) => {
                self.blocks.fill_behind(first, 0, annotation);
                self.blocks.fill_behind(first, ANNOTATION_LEN, entry.blob);
            }
        }
        let tick = self.tick_of_insertion();
        let node = &nodes[id];
        // Release: a thread that still looks at an earlier life and reads one of these sees, by its acquire load
        // and the free lists, that the word that led it here has changed.
        let set = |field: &super::AtomicU64, value| field.store(value, Ordering::Release);
        set(&node.hash_high, entry.hash.high);
        set(&node.hash_low, entry.hash.low);
        set(&node.stamp, UNLINKED);
        set(&node.expires_at, entry.expires_at);
        set(&node.size, LenAndGeneration::new(entry.len() as u64, entry.clear_generation).0);
        set(&node.place, BlockRef::new(first, tick).0);
        let state = self.state(id).next().reusable(entry.reusable);
        let state = state.annotated(entry.annotation.is_some());
        set(&node.state, state.0);
        Some(FilledNode { id, state, first, tick })
    }

    /// The entry counts as stored and evicted at once: a cache may forget. What it would have replaced goes.
    fn abandon_insert(
        &self,
        fresh: Option<FilledNode>,
        entry: &NewEntry<'_>,
        now: impl Now,
        others: usize,
    ) {
        if let Some(new) = fresh {
            let node = &self.list.nodes[new.id];
            node.state.store(new.state.next().0, Ordering::Release);
            self.blocks.wipe(new.first, entry.len());
            self.blocks.free(new.first, blocks_for(entry.len()));
            self.list.nodes.free(new.id);
        }
        if others == 0 {
            while let Some(mut old) = self.run(entry.hash, now).0.oldest() {
                self.delete_node(&mut old, entry.hash, Removal::Replaced, now);
            }
        }
        self.counters.add(Count::Gone(Removal::Evicted));
    }

    fn tick_of_insertion(&self) -> u64 {
        // A number that all take from one word: nothing to pair with.
        let tick = &self.tick.0;
        if self.is_exact() || striped::random().is_multiple_of(16) {
            return tick.fetch_add(1, Ordering::Relaxed) + 1;
        }
        tick.load(Ordering::Relaxed)
    }

    /// Makes it the last used of all.
    pub(super) fn touch(&self, id: Id) {
        // As above. The words are left alone if they say so already, so that a hot key stays in all processors.
        let (tick, stamp) = (&self.tick.0, &self.list.nodes[id].stamp);
        let now = tick.load(Ordering::Relaxed);
        if stamp.load(Ordering::Relaxed) != now {
            let now = if self.is_exact() { tick.fetch_add(1, Ordering::Relaxed) + 1 } else { now };
            stamp.store(now, Ordering::Relaxed);
        }
    }
}
