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
mod conflict;
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
use conflict::{Conflict, retry};
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
use sync::{AtomicU32, AtomicU64, Ordering};

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

    /// True if there is a live entry under the key. False as well if the key changed each time that it was looked at.
    pub(crate) fn contains(&self, key: Key<'_>, now: impl Now) -> bool {
        let hash = self.hash(key);
        let seen = retry(|| {
            let (run, _) = self.run(hash, now)?;
            Ok((run.live > 0, run.dead.is_some()))
        });
        let (is_live, has_dead) = seen.unwrap_or_default();
        if has_dead {
            self.remove_dead(hash, now);
        }
        is_live
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
        // Before the walk: the insertion of the caller was over, so an entry of another generation is older than a `clear`.
        let generation = self.generations.current();
        match self.list.find_entry(hash, entry) {
            Ok(Some(mut seen)) => {
                seen.size.is_of(generation)
                    && !now.has_come(seen.expires_at)
                    && self.delete_node(&mut seen, hash, Removal::Deleted, now)
            }
            Ok(None) => false,
            Err(Conflict) => {
                let node = Some(entry.node()).filter(|id| *id <= self.list.nodes.highest_used());
                node.and_then(|id| self.examine(id)).is_some_and(|node| {
                    node.hash == hash
                        && EntryId::new(node.id, node.version) == entry
                        && self.expire_live(&node, generation, now)
                })
            }
        }
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
        let usage = retry(|| {
            let generation = self.generations.current();
            if let Some(usage) = self.generations.usage() {
                return Ok(usage);
            }
            let held = self.quota.held();
            // The acquire loads above keep this one behind them. They pair with the release of a quota: in the same
            // generation, no `clear` took away what was missing among them.
            if generation == self.generations.current() { Ok(held) } else { Err(Conflict) }
        });
        // Each attempt met a `clear`.
        usage.unwrap_or_default()
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
        match self.list.mark(seen) {
            Ok(true) => Some(self.reclaim(seen, hash, why)),
            Ok(false) => None,
            Err(Conflict) => {
                self.expire(seen.id, seen.state.version());
                None
            }
        }
    }

    /// Removes an entry that was read in its node. Returns false if another thread did.
    fn delete_filled(&self, node: &FilledNode, why: Removal, now: impl Now) -> bool {
        self.delete_found(node.hash, node.id, node.version, why, now)
    }

    fn delete_found(&self, hash: Hash, id: Id, version: u64, why: Removal, now: impl Now) -> bool {
        match self.list.find(hash, id, version) {
            Ok(Some(mut seen)) => self.delete_node(&mut seen, hash, why, now),
            Ok(None) => false,
            Err(Conflict) => {
                self.expire(id, version);
                false
            }
        }
    }

    /// Makes an entry dead if it is live. Returns whether this call did.
    fn expire_live(&self, node: &FilledNode, generation: u64, now: impl Now) -> bool {
        node.size.is_of(generation)
            && !now.has_come(node.expires_at)
            && self.expire(node.id, node.version)
    }

    /// Makes an entry dead for all calls that begin later, in one exchange. It is what remains when other threads change the
    /// list each time that an entry is to be removed. A sweep removes and wipes it. Returns whether this call did.
    #[cold]
    fn expire(&self, id: Id, version: u64) -> bool {
        let deadline = &self.list.nodes[id].expires_at;
        // Acquire: keeps the load of the version behind this one.
        let old = deadline.load(Ordering::Acquire);
        // If the node has a next life with the same deadline, the entry of that life expires. A cache may forget.
        let is_dead = old != 0
            && self.state(id).version() == version
            && deadline.compare_exchange(old, 0, Ordering::AcqRel, Ordering::Relaxed).is_ok();
        if is_dead {
            self.recency.lower_earliest_deadline(0);
        }
        is_dead
    }

    /// Returns the reason for which a removal counts. It reads the clock, which is the caller's code and may panic, so it
    /// comes before the node is marked.
    fn reason(seen: &NodeSnapshot<'_>, why: Removal, now: impl Now) -> Removal {
        if now.has_come(seen.expires_at) { Removal::Expired } else { why }
    }

    /// Wipes, unlinks and frees an entry that the caller has marked. Leaves its quota to the caller.
    fn reclaim(&self, seen: &NodeSnapshot<'_>, hash: Hash, why: Removal) -> Quota {
        self.wipe_marked(seen, why);
        let blocks = blocks_for(length(seen));
        match self.list.unlink(seen, hash) {
            Ok(()) => self.free(FreeNode { id: seen.id, first: seen.place.first(), blocks }),
            Err(Conflict) => self.leave_lingering(seen),
        }
        Quota::entry(seen.size.len())
    }

    #[inline]
    fn wipe_marked(&self, seen: &NodeSnapshot<'_>, why: Removal) {
        let is_cleared = !seen.size.is_of(self.generations.current());
        // An entry that was handed out counts as taken, even if it was cleared at the same time.
        let why = if is_cleared && why != Removal::Taken { Removal::Cleared } else { why };
        self.counters.add(Count::Gone(why));
        self.generations.subtract(seen.size);
        self.recency.end(seen.id, seen.state);
        let node = &self.list.nodes[seen.id];
        // Before the wipe: its release fence makes this visible to a reader of a wiped word.
        node.state.store(seen.state.next().0, Ordering::Release);
        self.blocks.wipe(seen.place.first(), length(seen));
    }

    /// Leaves a node to a sweep that the caller has removed and wiped, because it may still be linked.
    #[cold]
    fn leave_lingering(&self, seen: &NodeSnapshot<'_>) {
        let node = &self.list.nodes[seen.id];
        // A sweep looks at the deadline first. Release: as in `prepare`.
        node.expires_at.store(0, Ordering::Release);
        // Release: pairs with the acquire in `free_lingering`. This thread does not use the node any more.
        node.state.store(seen.state.next().lingering().0, Ordering::Release);
    }

    /// Unlinks and frees a node that the thread which removed it left linked. Does nothing if it is no such node.
    fn free_lingering(&self, id: Id) {
        let node = &self.list.nodes[id];
        // Acquire: pairs with the release in `leave_lingering`.
        let state = NodeState(node.state.load(Ordering::Acquire));
        if !state.is_lingering() {
            return;
        }
        // Relaxed: the exchange below succeeds only if the node lingered until then, and no thread changes a lingering node.
        let load = |field: &AtomicU64| field.load(Ordering::Relaxed);
        let hash = Hash { high: load(&node.hash_high), low: load(&node.hash_low) };
        let first = BlockRef(load(&node.place)).first();
        let blocks = blocks_for(usize_of(LenAndGeneration(load(&node.size))));
        // AcqRel: one of several sweeps frees the node, behind its own walk.
        if self.list.unlink_marked(hash).is_ok()
            && node
                .state
                .compare_exchange(state.0, state.settled().0, Ordering::AcqRel, Ordering::Relaxed)
                .is_ok()
        {
            self.free(FreeNode { id, first, blocks });
        }
    }

    /// Frees a node to which no word of the list leads any more, and its blocks, which are zero.
    #[inline]
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
    fn find(&self, node: &FilledNode) -> Result<Option<NodeSnapshot<'_>>, Conflict> {
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
fn length(seen: &NodeSnapshot<'_>) -> usize {
    usize_of(seen.size)
}

#[expect(clippy::cast_possible_truncation, reason = "came from a usize")]
fn usize_of(size: LenAndGeneration) -> usize {
    size.len() as usize
}

#[cfg(test)]
impl Store {
    /// Removes the newest entry of a key as if it could not be unlinked.
    fn remove_lingering(&self, key: Key<'_>) {
        let (run, _) = self.run(self.hash(key), 0).unwrap();
        let newest = run.newest.unwrap();
        assert!(self.list.mark_unchanged(&newest).is_ok());
        self.wipe_marked(&newest, Removal::Deleted);
        self.leave_lingering(&newest);
        self.quota.give_back(Quota::entry(newest.size.len()));
    }

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
