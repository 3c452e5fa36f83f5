use crate::call_time::Time;
use crate::{EntryOptions, Key, Refused};

use super::counters::{Count, Removal};
use super::index::list::Hash;
use super::index::node::{Id, Place, Size, State, UNLINKED};
use super::payload::block_slab::blocks_for;
use super::quota::Permit;
use super::sync::{Ordering, fence, spin_loop};
use super::{LockFree, striped};

/// After how many insertions of a lane a store is swept.
const INSERTIONS_BETWEEN_SWEEPS: u64 = 100;

/// How often an insertion looks for room before it gives up. Only threads stopped with permits in their hands
/// make it look more than a few times.
#[cfg(not(loom))]
const TRIES: u32 = 1000;
#[cfg(loom)]
const TRIES: u32 = 1;

/// A blob on its way into the store.
struct Arrival<'a> {
    hash: Hash,
    blob: &'a [u8],
    expires_at: u64,
    reusable: bool,
    /// The era in which the key was looked at last.
    era: u64,
}

/// A filled node that is not linked.
#[derive(Clone, Copy)]
struct Fresh {
    id: Id,
    state: State,
    first: u32,
    tick: u64,
}

impl LockFree {
    /// Stores a blob in the place of all there is under its key. Whether a sweep is due.
    pub(crate) fn put(
        &self,
        key: Key<'_>,
        blob: &[u8],
        options: EntryOptions,
        now: impl Time,
    ) -> Result<bool, Refused> {
        self.insert(key, blob, options, now, 0)
    }

    /// Stores a blob as the newest under its key. Whether a sweep is due.
    pub(crate) fn add(
        &self,
        key: Key<'_>,
        blob: &[u8],
        options: EntryOptions,
        now: impl Time,
    ) -> Result<bool, Refused> {
        let others = usize::from(self.options.tickets_per_key.get()) - 1;
        self.insert(key, blob, options, now, others)
    }

    /// `others`: how many there may be beside the new one. With none, the newest there is is overwritten in one
    /// step; all older ones go before.
    fn insert(
        &self,
        key: Key<'_>,
        blob: &[u8],
        options: EntryOptions,
        now: impl Time,
        others: usize,
    ) -> Result<bool, Refused> {
        self.check(blob)?;
        let ttl = options.ttl.map_or(self.options.ttl, |own| own.min(self.options.ttl));
        let mut arrival = Arrival {
            hash: self.hash(key),
            blob,
            expires_at: now.end_of(ttl),
            reusable: options.reusable,
            era: self.era(),
        };
        self.store(&mut arrival, now, others);
        Ok(self.counters.add(Count::Set).is_multiple_of(INSERTIONS_BETWEEN_SWEEPS))
    }

    fn check(&self, blob: &[u8]) -> Result<(), Refused> {
        let (len, max) = (blob.len() as u64, self.options.max_bytes.longest_blob());
        let refused = match len {
            0 => Refused::Empty,
            _ if len > max => Refused::TooLarge { len, max },
            _ => return Ok(()),
        };
        self.counters.add(Count::Rejected);
        Err(refused)
    }

    fn store(&self, arrival: &mut Arrival<'_>, now: impl Time, others: usize) {
        let hash = arrival.hash;
        let wanted = Permit::entry(arrival.blob.len() as u64);
        let mut have = Permit::default();
        let mut fresh = None;
        let mut tries = 0;
        while tries < TRIES {
            let (run, end) = self.run(hash, now);
            if run.era != arrival.era {
                // A `clear` came before, so that this comes after it, and with it what is replaced: dead on
                // arrival it would take along what others stored meanwhile.
                arrival.era = run.era;
                if let Some(Fresh { id, .. }) = fresh {
                    let size = Size::new(arrival.blob.len() as u64, arrival.era);
                    // As in `prepare`: the exchange in `link` publishes it.
                    self.table.nodes[id].size.store(size.0, Ordering::Release);
                }
            }
            if let Some(mut dead) = run.dead {
                self.discard(&mut dead, hash, Removal::Expired, now);
                continue;
            }
            if run.live > others.max(1) {
                // Its permit is as good as any for the new one.
                let oldest = &mut run.oldest().expect("there are live ones");
                let permit = self.take_out(oldest, hash, Removal::Replaced, now);
                have = have.plus(permit.unwrap_or_default());
                continue;
            }
            let mut over = run.newest.filter(|_| others == 0);
            let inherited =
                over.map_or_else(Permit::default, |over| Permit::entry(over.size.len()));
            if !self.permits.gather(wanted.beyond(inherited), &mut have) {
                let evicted = self.evict(over.map(|over| over.id), now);
                if evicted.is_none() {
                    // It looked at all nodes, so that with many of them it must not look often.
                    tries += 1 + self.table.nodes.last_touched() / 1024;
                }
                have = have.plus(evicted.unwrap_or_default());
                continue;
            }
            if fresh.is_none() {
                fresh = self.prepare(arrival);
            }
            let Some(new) = fresh else {
                tries += 1;
                spin_loop();
                continue;
            };
            if !self.table.link(new.id, &end, over.as_mut()) {
                continue;
            }
            if let Some(over) = over {
                have = have.plus(self.finish(&over, hash, Removal::Replaced, now));
            }
            self.permits.give(have.beyond(wanted));
            self.linked(new, arrival, now);
            return;
        }
        self.permits.give(have);
        self.give_up(fresh, arrival, now, others);
    }

    /// What follows the moment from which others find the node.
    fn linked(&self, new: Fresh, arrival: &Arrival<'_>, now: impl Time) {
        // Nothing but the choice of what to evict rests on the stamp.
        self.table.nodes[new.id].stamp.store(new.tick, Ordering::Relaxed);
        // Pairs with the fence in `clear`: if that did not find the node, this finds the new era.
        fence(Ordering::SeqCst);
        if self.era() != arrival.era {
            let version = new.state.version();
            if let Some(mut seen) = self.table.find(arrival.hash, new.id, version) {
                self.discard(&mut seen, arrival.hash, Removal::Cleared, now);
            }
        }
    }

    /// A node and blocks with all there is to the new entry. `None` if threads in the middle of an operation have
    /// all the spare ones.
    fn prepare(&self, arrival: &Arrival<'_>) -> Option<Fresh> {
        let nodes = &self.table.nodes;
        let blocks = blocks_for(arrival.blob.len());
        let id = self.table.allocate()?;
        let Some(first) = self.blocks.allocate(blocks) else {
            nodes.free(id);
            return None;
        };
        self.blocks.fill(first, arrival.blob);
        let tick = self.tick_of_insertion();
        let node = &nodes[id];
        // Release: a thread that still looks at an earlier life and reads one of these sees, by its acquire load
        // and the free lists, that the word that led it here has changed.
        let set = |field: &super::AtomicU64, value| field.store(value, Ordering::Release);
        set(&node.hash_high, arrival.hash.high);
        set(&node.hash_low, arrival.hash.low);
        set(&node.stamp, UNLINKED);
        set(&node.expires_at, arrival.expires_at);
        set(&node.size, Size::new(arrival.blob.len() as u64, arrival.era).0);
        set(&node.place, Place::new(first, tick).0);
        let state = self.state(id).next().reusable(arrival.reusable);
        set(&node.state, state.0);
        Some(Fresh { id, state, first, tick })
    }

    /// The entry counts as stored and evicted at once: a cache may forget. What it would have replaced goes.
    fn give_up(&self, fresh: Option<Fresh>, arrival: &Arrival<'_>, now: impl Time, others: usize) {
        if let Some(new) = fresh {
            let node = &self.table.nodes[new.id];
            node.state.store(new.state.next().0, Ordering::Release);
            self.blocks.wipe(new.first, arrival.blob.len());
            self.blocks.free(new.first, blocks_for(arrival.blob.len()));
            self.table.nodes.free(new.id);
        }
        if others == 0 {
            while let Some(mut old) = self.run(arrival.hash, now).0.oldest() {
                self.discard(&mut old, arrival.hash, Removal::Replaced, now);
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
        let (tick, stamp) = (&self.tick.0, &self.table.nodes[id].stamp);
        let now = tick.load(Ordering::Relaxed);
        if stamp.load(Ordering::Relaxed) != now {
            let now = if self.is_exact() { tick.fetch_add(1, Ordering::Relaxed) + 1 } else { now };
            stamp.store(now, Ordering::Relaxed);
        }
    }
}
