//! The rules of the cache for any number of threads at once, without a lock.
//!
//! Nothing here waits for another thread: who meets a change half made completes it or goes around it. Memory is
//! of two kinds, nodes and blocks, never changes its kind and is never given back while the store lives, so a
//! thread may read what another one is recycling; it then finds that a tag or a version moved and looks again.
//!
//! The life of an entry: permits are gathered (others evicted for them), a node and blocks taken and filled, the
//! node linked; then exactly one thread marks it, and that one moves its version, wipes its bytes, unlinks it and
//! gives node, blocks and permits back.
//!
//! `docs/core.md` in the repository shows how all that lies in memory, with sizes, which store pairs with which load, and
//! what was tried; `docs/proof.md` where each call takes effect.

mod counters;
mod evict;
mod index;
mod insert;
pub(crate) mod memory;
mod payload;
mod quota;
mod read;
mod striped;
mod sync;
#[cfg(test)]
mod tests;

use siphasher::sip128::SipHasher24;

use crate::call_time::Now;
use crate::{BuildError, EntryId, Key, Memory, Options, Stats};

pub(crate) use insert::Inserted;

use counters::{Count, Counters, Removal};
use index::list::{Hash, NodeSnapshot, OrderedList, RunEnd};
use index::node::{Id, LenAndGeneration, NodeState};
use index::split_order::MAX_BUCKETS;
use memory::reserved::OutOfAddressSpace;
use payload::block_slab::{BLOCK_BYTES, BlockSlab, blocks_for};
use quota::{Quota, QuotaPool};
use striped::CachePadded;
use sync::{AtomicU32, AtomicU64, Ordering};

/// Up to this many entries recency is exact.
const EXACT_UP_TO: u32 = 512;

/// How many buckets there are in the beginning: as many as fit in a page.
const FIRST_BUCKETS: usize = 512;

/// Nodes and blocks beyond what permits allow, for threads between two owners of a permit.
#[cfg(not(loom))]
const SPARE: usize = 1024;
#[cfg(loom)]
const SPARE: usize = 3;

/// See the [module](self).
pub(crate) struct Store {
    options: Options,
    hasher: SipHasher24,
    list: OrderedList,
    blocks: BlockSlab,
    quota: QuotaPool,
    counters: Counters,
    /// Begun anew by each `clear`. What is of another era does not count any more.
    clear_generation: CachePadded<AtomicU64>,
    /// How many `clear`s are complete.
    cleared: CachePadded<AtomicU64>,
    /// The time that stamps tell: while recency is exact the number of uses, then a part of the insertions.
    tick: CachePadded<AtomicU64>,
    /// Where the sweep that insertions drive goes on.
    swept_to: CachePadded<AtomicU32>,
}

/// What there is under one key.
#[derive(Default)]
struct KeyRun<'a> {
    /// The era in which all of it was seen.
    clear_generation: u64,
    live: usize,
    /// The oldest, if it is not the newest.
    older: Option<NodeSnapshot<'a>>,
    newest: Option<NodeSnapshot<'a>>,
    /// The newest unused one, if the newest is used.
    older_unused: Option<NodeSnapshot<'a>>,
    dead: Option<NodeSnapshot<'a>>,
}

impl<'a> KeyRun<'a> {
    fn oldest(&self) -> Option<NodeSnapshot<'a>> {
        self.older.or(self.newest)
    }

    fn newest_unused(&self) -> Option<NodeSnapshot<'a>> {
        self.newest.filter(|newest| !newest.state.is_used()).or(self.older_unused)
    }

    /// Most runs have one entry, so what concerns several is written down when there is a second.
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
    pub(crate) fn new(options: Options) -> Result<Self, BuildError> {
        let mut key = [0; 16];
        getrandom::fill(&mut key).map_err(|_| BuildError::Random)?;
        let most = (options.max.get() as usize).next_power_of_two().min(MAX_BUCKETS);
        Self::with(options, key, [most.min(FIRST_BUCKETS), most]).map_err(
            |OutOfAddressSpace { bytes }| BuildError::AddressSpace {
                bytes,
                max: options.max.get(),
                max_bytes: options.max_bytes.get(),
            },
        )
    }

    /// `buckets`: how many there are in the beginning and at most.
    fn with(
        options: Options,
        hash_key: [u8; 16],
        buckets: [usize; 2],
    ) -> Result<Self, OutOfAddressSpace> {
        let entries = options.max.get();
        let bytes = options.max_bytes.get();
        let full = usize::try_from(bytes).map_or(usize::MAX, |bytes| bytes.div_ceil(BLOCK_BYTES));
        let partial =
            usize::try_from(bytes.min(entries.into())).expect("not more than the entries");
        Ok(Self {
            options,
            hasher: SipHasher24::new_with_key(&hash_key),
            list: OrderedList::new(entries as usize + SPARE, buckets)?,
            // Twice, since a blob that is overwritten has its blocks until the new one has its own.
            blocks: BlockSlab::new(full.saturating_mul(2).saturating_add(partial + SPARE))?,
            quota: QuotaPool::new(Quota { entries: entries.into(), bytes }, entries <= EXACT_UP_TO),
            counters: Counters::default(),
            clear_generation: CachePadded::default(),
            cleared: CachePadded::default(),
            tick: CachePadded::default(),
            swept_to: CachePadded::default(),
        })
    }

    /// Whether there is a live entry under the key.
    pub(crate) fn contains(&self, key: Key<'_>, now: impl Now) -> bool {
        let hash = self.hash(key);
        let (run, _) = self.run(hash, now);
        if run.dead.is_some() {
            self.remove_expired(hash, now);
        }
        run.live > 0
    }

    /// Removes all there is under the key and tells how many live ones that were.
    pub(crate) fn remove(&self, key: Key<'_>, now: impl Now) -> usize {
        let hash = self.hash(key);
        let mut removed = 0;
        loop {
            self.remove_expired(hash, now);
            let (run, _) = self.run(hash, now);
            let Some(mut oldest) = run.oldest() else {
                return removed;
            };
            if self.delete_node(&mut oldest, hash, Removal::Deleted, now) {
                removed += 1;
            }
        }
    }

    /// Removes one entry. Returns false if it is not there any more.
    pub(crate) fn remove_entry(&self, key: Key<'_>, entry: EntryId, now: impl Now) -> bool {
        let hash = self.hash(key);
        self.remove_expired(hash, now);
        // Before the scan: the caller's insertion was over, so an entry of another generation is from before a `clear`.
        let clear_generation = self.clear_generation();
        let Some(mut seen) = self.list.find_entry(hash, entry) else {
            return false;
        };
        seen.size.is_of(clear_generation)
            && !now.has_come(seen.expires_at)
            && self.delete_node(&mut seen, hash, Removal::Deleted, now)
    }

    pub(crate) fn len(&self) -> usize {
        usize::try_from(self.held().entries).expect("at most `max`")
    }

    pub(crate) fn bytes(&self) -> u64 {
        self.held().bytes
    }

    /// The counters and gauges, not all of one moment while others are at work.
    pub(crate) fn stats(&self) -> Stats {
        let Quota { entries: size, bytes } = self.held();
        Stats { size, bytes, ..self.counters.stats() }
    }

    pub(crate) fn memory(&self) -> Memory {
        self.blocks.memory()
    }

    /// What the entries have that there are or are about to be. What `clear` is about to remove does not count.
    fn held(&self) -> Quota {
        loop {
            let cleared = self.cleared.0.load(Ordering::Acquire);
            let clear_generation = self.clear_generation();
            let held = self.quota.held();
            let held = if cleared == clear_generation {
                held
            } else {
                held.and(self.usage_of_generation(clear_generation))
            };
            // The acquire loads above keep this one behind them, and pair with the release of a permit and of a
            // version: in the same era, what was missing among them no `clear` took away.
            if clear_generation == self.clear_generation() {
                return held;
            }
        }
    }

    /// What the entries of an era have, by looking at all nodes.
    fn usage_of_generation(&self, clear_generation: u64) -> Quota {
        let filled = (1..=self.list.nodes.highest_used()).filter(|id| self.state(*id).is_filled());
        let sizes =
            filled.map(|id| LenAndGeneration(self.list.nodes[id].size.load(Ordering::Acquire)));
        let of_era = sizes.filter(|size| size.is_of(clear_generation));
        of_era.fold(Quota::default(), |sum, size| sum.plus(Quota::entry(size.len())))
    }

    fn hash(&self, key: Key<'_>) -> Hash {
        let hash = self.hasher.hash(key.as_bytes());
        Hash { high: hash.h1, low: hash.h2 }
    }

    fn clear_generation(&self) -> u64 {
        // Acquire pairs with the release in `clear`.
        self.clear_generation.0.load(Ordering::Acquire)
    }

    /// Whether recency is exact: whether there are, or ever were, but so few entries.
    fn is_exact(&self) -> bool {
        self.options.max.get() <= EXACT_UP_TO || self.list.nodes.highest_used() <= EXACT_UP_TO
    }

    /// The run of a key. Its last is live at the moment its `next` was read.
    #[expect(clippy::inline_always, reason = "see `Cursor::peek`")]
    #[inline(always)]
    fn run(&self, hash: Hash, now: impl Now) -> (KeyRun<'_>, RunEnd<'_>) {
        loop {
            let clear_generation = self.clear_generation();
            let (mut run, end) = self.list.scan(hash, |run: &mut KeyRun<'_>, seen| {
                if seen.size.is_of(clear_generation) && !now.has_come(seen.expires_at) {
                    self.blocks.prefetch(seen.place.first(), length(seen));
                    run.push(seen);
                } else {
                    run.dead.get_or_insert(*seen);
                }
            });
            // Otherwise what was stored after a `clear` would seem to be from before it. The acquire loads of the
            // scan keep this one behind them.
            if clear_generation == self.clear_generation() {
                run.clear_generation = clear_generation;
                return (run, end);
            }
        }
    }

    /// Removes what is under the key and does not count any more.
    #[cold]
    fn remove_expired(&self, hash: Hash, now: impl Now) {
        while let Some(mut dead) = self.run(hash, now).0.dead {
            self.delete_node(&mut dead, hash, Removal::Expired, now);
        }
    }

    /// Removes an entry. `false`: another thread did.
    fn delete_node(
        &self,
        seen: &mut NodeSnapshot<'_>,
        hash: Hash,
        why: Removal,
        now: impl Now,
    ) -> bool {
        let quota = self.remove_node(seen, hash, why, now);
        quota.inspect(|quota| self.quota.give_back(*quota)).is_some()
    }

    /// Removes an entry and leaves the caller its permit. `None`: another thread removed it.
    fn remove_node(
        &self,
        seen: &mut NodeSnapshot<'_>,
        hash: Hash,
        why: Removal,
        now: impl Now,
    ) -> Option<Quota> {
        self.list.mark(seen).then(|| self.reclaim(seen, hash, why, now))
    }

    /// Does what whoever marked an entry has to do, and leaves the caller its permit.
    fn reclaim(&self, seen: &NodeSnapshot<'_>, hash: Hash, why: Removal, now: impl Now) -> Quota {
        // What was handed out counts as that, whatever came between.
        let why = if why == Removal::Taken {
            why
        } else if !seen.size.is_of(self.clear_generation()) {
            Removal::Cleared
        } else if now.has_come(seen.expires_at) {
            Removal::Expired
        } else {
            why
        };
        self.counters.add(Count::Gone(why));
        let node = &self.list.nodes[seen.id];
        // Before the wipe, whose release fence makes this visible to whoever reads a wiped word.
        node.state.store(seen.state.next().0, Ordering::Release);
        let (first, len) = (seen.place.first(), length(seen));
        self.blocks.wipe(first, len);
        self.list.unlink(seen, hash);
        self.blocks.free(first, blocks_for(len));
        self.list.nodes.free(seen.id);
        Quota::entry(seen.size.len())
    }

    fn state(&self, id: Id) -> NodeState {
        // Acquire pairs with the release in `reclaim` and in `prepare`.
        NodeState(self.list.nodes[id].state.load(Ordering::Acquire))
    }
}

/// A blob's length in bytes, which fits since the blob came as a slice.
#[expect(clippy::cast_possible_truncation, reason = "came from a usize")]
fn length(seen: &NodeSnapshot<'_>) -> usize {
    seen.size.len() as usize
}

#[cfg(test)]
impl Store {
    #[cfg(not(loom))]
    /// Removes every entry that had expired at `now` and tells how many.
    fn sweep(&self, now: impl Now) -> usize {
        let (mut removed, mut from) = (0, 0);
        loop {
            let (gone, next) = self.sweep_step(from, now);
            removed += gone;
            match next {
                Some(next) => from = next,
                None => return removed,
            }
        }
    }

    /// Checks, while nobody else is here, that nodes, blocks, permits and counters add up and that free blocks are
    /// all zero.
    fn reconcile(&self) {
        let nodes = &self.list.nodes;
        let live = (1..=nodes.highest_used()).filter(|id| self.state(*id).is_filled());
        let sizes = live.map(|id| LenAndGeneration(nodes[id].size.load(Ordering::Acquire)));
        let sizes: Vec<u64> = sizes
            .inspect(|size| assert!(size.is_of(self.clear_generation()), "a `clear` missed it"))
            .map(LenAndGeneration::len)
            .collect();
        let entries = sizes.len() as u64;
        assert_eq!(u64::from(nodes.highest_used()), entries + nodes.count_free());
        assert_eq!((self.len() as u64, self.bytes()), (entries, sizes.iter().sum()));
        let (high_water, free) = self.blocks.count();
        let used: u64 = sizes.iter().map(|len| len.div_ceil(BLOCK_BYTES as u64)).sum();
        assert_eq!(high_water, used + free);
        let stats = self.stats();
        let gone = stats.takes
            + stats.deletes
            + stats.replaced
            + stats.cleared
            + stats.evictions
            + stats.expirations;
        assert_eq!(stats.sets, gone + stats.size);
    }
}
