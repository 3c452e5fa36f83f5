//! The rules of the cache for any number of threads at once, without a lock.
//!
//! No call waits for another thread. A thread that meets a half-made change completes it or goes around it. Memory is
//! divided into nodes and blocks, never changes its kind, and is not given back while the store lives. So a thread may
//! read what another thread is recycling: a tag or a version has then moved, and it looks again.
//!
//! The life of an entry: a thread gathers quota, evicting other entries if need be. It takes a node and blocks, fills
//! them, and links the node. Later exactly one thread marks the node. That thread moves the version, wipes the bytes,
//! unlinks the node, and gives node, blocks and quota back.
//!
//! `docs/internals/store.md` in the repository has the memory layout and the pairing of stores and loads, and
//! `docs/results/store.md` what was tried.
//! `docs/internals/store-verification.md` says where each call takes effect.

mod backend;
mod clear;
pub(crate) mod counters;
mod evict;
mod index;
mod insert;
mod key_run;
mod lane;
pub(crate) mod memory;
pub(crate) mod payload;
mod quota;
mod read;
mod recency;
pub(crate) mod striped;
mod sweep;
mod sync;
#[cfg(test)]
mod tests;

use siphasher::sip128::{Hash128, SipHasher13};

use crate::call_time::Now;
use crate::{BuildError, EntryId, Key, Memory, Options, Stats};

pub(crate) use backend::Backend;
pub(crate) use clear::Drain;
pub(crate) use insert::Inserted;

use clear::Generations;
use counters::{Count, Counters, Removal};
use index::list::{Hash, NodeSnapshot, OrderedList};
use index::node::{BlockRef, Id, LenAndGeneration, NodeState};
use index::split_order::MAX_BUCKETS;
use lane::{FreeNode, Lanes, lane};
use memory::reserved::OutOfAddressSpace;
use payload::block_slab::{BLOCK_BYTES, BlockSlab, blocks_for};
use quota::{Quota, QuotaPool};
use recency::Recency;
use striped::CachePadded;
use sync::{AtomicU32, Ordering};

/// The number of buckets at first: as many as fit in a page.
const FIRST_BUCKETS: usize = 512;

/// Nodes and blocks beyond what quota allows, for threads between two owners of a quota.
#[cfg(not(loom))]
const SPARE: usize = 1024;
#[cfg(loom)]
const SPARE: usize = 3;

/// Up to this many entries all quota is in one stripe. In pieces two threads could each hold a part of the last one,
/// and both would evict.
const SINGLE_STRIPE_UP_TO: u32 = 64;

/// How often a call tries again what other threads made fail, before it takes the way that always ends.
#[cfg(not(loom))]
const MAX_CONFLICTS: u32 = 1000;
#[cfg(loom)]
const MAX_CONFLICTS: u32 = 100;

/// See the [module](self).
pub(crate) struct Store {
    options: Options,
    hasher: SipHasher13,
    list: OrderedList,
    blocks: BlockSlab,
    lanes: Lanes,
    recency: Recency,
    quota: QuotaPool,
    counters: Counters,
    generations: Generations,
    /// The place at which the sweep that insertions drive continues.
    swept_to: CachePadded<AtomicU32>,
}

/// A filled node as it was when it was read. It may be linked.
struct FilledNode {
    id: Id,
    version: u64,
    hash: Hash,
    expires_at: u64,
    /// Among entries that expire together, the lower one was stored earlier.
    order: u64,
    size: LenAndGeneration,
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

    /// `buckets`: the number at first and at most.
    fn with(
        options: Options,
        hash_key: [u8; 16],
        buckets: [usize; 2],
    ) -> Result<Self, OutOfAddressSpace> {
        let entries = options.max.get();
        let bytes = options.max_bytes.get();
        let full = usize::try_from(bytes).map_or(usize::MAX, |bytes| bytes.div_ceil(BLOCK_BYTES));
        let partial = usize::try_from(bytes.min(entries.into())).expect("at most the entries");
        let nodes = entries as usize + SPARE + lane::MAX_KEPT;
        let spare = SPARE + lane::MAX_KEPT * lane::MAX_BLOCKS;
        Ok(Self {
            options,
            hasher: SipHasher13::new_with_key(&hash_key),
            list: OrderedList::new(nodes, buckets)?,
            // Twice, because an overwritten blob keeps its blocks until the new one has its own.
            blocks: BlockSlab::new(full.saturating_mul(2).saturating_add(partial + spare))?,
            lanes: Lanes::default(),
            recency: Recency::new(nodes)?,
            quota: QuotaPool::new(
                Quota { entries: entries.into(), bytes },
                entries <= SINGLE_STRIPE_UP_TO,
            ),
            counters: Counters::default(),
            generations: Generations::default(),
            swept_to: CachePadded::default(),
        })
    }

    /// True if there is a live entry under the key.
    pub(crate) fn contains(&self, key: Key<'_>, now: impl Now) -> bool {
        let hash = self.hash(key);
        let (run, _) = self.run(hash, now);
        if run.dead.is_some() {
            self.remove_dead(hash, now);
        }
        run.live > 0
    }

    /// Removes the entries that the key has when the call begins. Returns how many live ones it removed.
    pub(crate) fn remove(&self, key: Key<'_>, now: impl Now) -> usize {
        let hash = self.hash(key);
        self.remove_dead(hash, now);
        self.remove_run(hash, Removal::Deleted, now)
    }

    /// Removes one entry. Returns false if it is not there any more.
    pub(crate) fn remove_entry(&self, key: Key<'_>, entry: EntryId, now: impl Now) -> bool {
        let hash = self.hash(key);
        self.remove_dead(hash, now);
        // Before the scan: the insertion of the caller was over, so an entry of another generation is older than a `clear`.
        let generation = self.generations.current();
        let Some(mut seen) = self.list.find_entry(hash, entry) else {
            return false;
        };
        seen.size.is_of(generation)
            && !now.has_come(seen.expires_at)
            && self.delete_node(&mut seen, hash, Removal::Deleted, now)
    }

    pub(crate) fn len(&self) -> usize {
        usize::try_from(self.usage().entries).expect("at most `max`")
    }

    pub(crate) fn bytes(&self) -> u64 {
        self.usage().bytes
    }

    /// Returns the counters and gauges. While other threads work they are not from one moment.
    pub(crate) fn stats(&self) -> Stats {
        let Quota { entries: size, bytes } = self.usage();
        Stats { size, bytes, ..self.counters.stats() }
    }

    pub(crate) fn memory(&self) -> Memory {
        Memory { highest_node: self.list.nodes.highest_used().into(), ..self.blocks.memory() }
    }

    /// Wipes all blobs in one pass. No thread may use the store any more.
    pub(crate) fn wipe(&self) {
        self.blocks.wipe_all();
    }

    /// Gives the memory of free blocks back to the system, as far as they are whole pages.
    pub(crate) fn trim(&self) {
        self.blocks.trim();
    }

    /// Returns what the entries have that are stored or about to be. Entries that a `clear` removed do not count.
    fn usage(&self) -> Quota {
        loop {
            let generation = self.generations.current();
            if let Some(usage) = self.generations.usage() {
                return usage;
            }
            let held = self.quota.held();
            // The acquire loads above keep this one behind them. They pair with the release of a quota: in the same
            // generation, no `clear` took away what was missing among them.
            if generation == self.generations.current() {
                return held;
            }
        }
    }

    #[inline]
    fn hash(&self, key: Key<'_>) -> Hash {
        Hash::new(sip_hash(&self.hasher, key.as_bytes()))
    }

    /// Removes an entry. Returns false if another thread did.
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

    /// Removes an entry and leaves its quota to the caller. Returns `None` if another thread removed it.
    fn remove_node(
        &self,
        seen: &mut NodeSnapshot<'_>,
        hash: Hash,
        why: Removal,
        now: impl Now,
    ) -> Option<Quota> {
        let why = Self::reason(seen, why, now);
        self.list.mark(seen).then(|| self.reclaim(seen, hash, why))
    }

    /// Returns the reason for which a removal counts. It reads the clock, which is the caller's code and may panic, so it
    /// comes before the node is marked.
    fn reason(seen: &NodeSnapshot<'_>, why: Removal, now: impl Now) -> Removal {
        if now.has_come(seen.expires_at) { Removal::Expired } else { why }
    }

    /// Wipes, unlinks and frees an entry that the caller has marked. Leaves its quota to the caller.
    fn reclaim(&self, seen: &NodeSnapshot<'_>, hash: Hash, why: Removal) -> Quota {
        let is_cleared = !seen.size.is_of(self.generations.current());
        // An entry that was handed out counts as taken, even if it was cleared at the same time.
        let why = if is_cleared && why != Removal::Taken { Removal::Cleared } else { why };
        self.counters.add(Count::Gone(why));
        self.generations.subtract(seen.size);
        self.recency.end(seen.id, seen.state);
        let node = &self.list.nodes[seen.id];
        // Before the wipe: its release fence makes this visible to a reader of a wiped word.
        node.state.store(seen.state.next().0, Ordering::Release);
        let (first, len) = (seen.place.first(), length(seen));
        self.blocks.wipe(first, len);
        self.list.unlink(seen, hash);
        self.free(FreeNode { id: seen.id, first, blocks: blocks_for(len) });
        Quota::entry(seen.size.len())
    }

    /// Frees a node to which no word of the list leads any more, and its blocks, which are zero.
    fn free(&self, node: FreeNode) {
        let kept = lane().filter(|_| node.blocks <= lane::MAX_BLOCKS);
        // The `next` of the node is marked, as in the free list.
        let leaving = kept.map_or(Some(node), |lane| self.lanes.keep(lane, node));
        if let Some(FreeNode { id, first, blocks }) = leaving {
            self.blocks.free(first, blocks);
            self.list.nodes.free(id);
        }
    }

    /// Reads a node. Returns `None` if it is not filled, or changed while it was read.
    fn examine(&self, id: Id) -> Option<FilledNode> {
        let node = &self.list.nodes[id];
        let state = self.state(id);
        if !state.is_filled() {
            return None;
        }
        // Acquire: keeps the second load of the state behind these.
        let filled = FilledNode {
            id,
            version: state.version(),
            hash: Hash {
                high: node.hash_high.load(Ordering::Acquire),
                low: node.hash_low.load(Ordering::Acquire),
            },
            expires_at: node.expires_at.load(Ordering::Acquire),
            order: BlockRef(node.place.load(Ordering::Acquire)).order(),
            size: LenAndGeneration(node.size.load(Ordering::Acquire)),
        };
        (self.state(id).version() == filled.version).then_some(filled)
    }

    /// Finds a node that was read in the list. Returns `None` if it is not linked, or was removed.
    fn find(&self, node: &FilledNode) -> Option<NodeSnapshot<'_>> {
        self.list.find(node.hash, node.id, node.version)
    }

    fn state(&self, id: Id) -> NodeState {
        // Acquire: pairs with the release in `reclaim` and in `prepare`.
        NodeState(self.list.nodes[id].state.load(Ordering::Acquire))
    }
}

/// Apart from its callers, which are several.
#[inline(never)]
fn sip_hash(hasher: &SipHasher13, key: &[u8]) -> Hash128 {
    hasher.hash(key)
}

/// Returns the length of a blob in bytes, which fits because the blob came as a slice.
#[expect(clippy::cast_possible_truncation, reason = "came from a usize")]
fn length(seen: &NodeSnapshot<'_>) -> usize {
    seen.size.len() as usize
}

#[cfg(test)]
impl Store {
    #[cfg(not(loom))]
    /// Removes every entry that had expired at `now`. Returns how many.
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

    /// Checks that nodes, blocks, quota and counters add up, and that free blocks are zero. No other thread may use the store.
    fn reconcile(&self) {
        let nodes = &self.list.nodes;
        let live = (1..=nodes.highest_used()).filter(|id| self.state(*id).is_filled());
        let sizes = live.map(|id| LenAndGeneration(nodes[id].size.load(Ordering::Acquire)));
        let sizes: Vec<u64> = sizes
            .inspect(|size| assert!(size.is_of(self.generations.current()), "a `clear` missed it"))
            .map(LenAndGeneration::len)
            .collect();
        let entries = sizes.len() as u64;
        let kept = self.lanes.kept();
        let kept_nodes = kept.len() as u64;
        let kept_blocks: u64 = kept.iter().map(|node| self.blocks.count_kept(*node)).sum();
        assert_eq!(u64::from(nodes.highest_used()), entries + nodes.count_free() + kept_nodes);
        assert_eq!((self.len() as u64, self.bytes()), (entries, sizes.iter().sum()));
        let (high_water, free) = self.blocks.count();
        let used: u64 = sizes.iter().map(|len| len.div_ceil(BLOCK_BYTES as u64)).sum();
        assert_eq!(high_water, used + free + kept_blocks);
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
