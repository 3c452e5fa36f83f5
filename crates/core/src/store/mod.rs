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

use crate::call_time::Time;
use crate::{Key, Memory, Options, Stats, Unavailable};

use counters::{Count, Counters, Removal};
use index::list::{End, Hash, Seen, Table};
use index::node::{Id, Size, State};
use index::split_order::MAX_BUCKETS;
use memory::reserved::NoRoom;
use payload::block_slab::{BLOCK_BYTES, Blocks, blocks_for};
use quota::{Permit, Permits};
use striped::Padded;
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
pub(crate) struct LockFree {
    options: Options,
    hasher: SipHasher24,
    table: Table,
    blocks: Blocks,
    permits: Permits,
    counters: Counters,
    /// Begun anew by each `clear`. What is of another era does not count any more.
    era: Padded<AtomicU64>,
    /// How many `clear`s are complete.
    cleared: Padded<AtomicU64>,
    /// The time that stamps tell: while recency is exact the number of uses, then a part of the insertions.
    tick: Padded<AtomicU64>,
    /// Where the sweep that insertions drive goes on.
    swept_to: Padded<AtomicU32>,
}

/// What there is under one key.
#[derive(Default)]
struct Run<'a> {
    /// The era in which all of it was seen.
    era: u64,
    live: usize,
    /// The oldest, if it is not the newest.
    older: Option<Seen<'a>>,
    newest: Option<Seen<'a>>,
    /// The newest unused one, if the newest is used.
    older_unused: Option<Seen<'a>>,
    dead: Option<Seen<'a>>,
}

impl<'a> Run<'a> {
    fn oldest(&self) -> Option<Seen<'a>> {
        self.older.or(self.newest)
    }

    fn newest_unused(&self) -> Option<Seen<'a>> {
        self.newest.filter(|newest| !newest.state.is_used()).or(self.older_unused)
    }

    /// Most runs have one entry, so what concerns several is written down when there is a second.
    #[expect(clippy::inline_always, reason = "see `Walk::look`")]
    #[inline(always)]
    fn push(&mut self, seen: &Seen<'a>) {
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

impl LockFree {
    pub(crate) fn new(options: Options) -> Result<Self, Unavailable> {
        let mut key = [0; 16];
        getrandom::fill(&mut key).map_err(|_| Unavailable::Random)?;
        let most = (options.max.get() as usize).next_power_of_two().min(MAX_BUCKETS);
        Self::with(options, key, [most.min(FIRST_BUCKETS), most]).map_err(|NoRoom { bytes }| {
            Unavailable::AddressSpace {
                bytes,
                max: options.max.get(),
                max_bytes: options.max_bytes.get(),
            }
        })
    }

    /// `buckets`: how many there are in the beginning and at most.
    fn with(options: Options, hash_key: [u8; 16], buckets: [usize; 2]) -> Result<Self, NoRoom> {
        let entries = options.max.get();
        let bytes = options.max_bytes.get();
        let full = usize::try_from(bytes).map_or(usize::MAX, |bytes| bytes.div_ceil(BLOCK_BYTES));
        let begun = usize::try_from(bytes.min(entries.into())).expect("not more than the entries");
        Ok(Self {
            options,
            hasher: SipHasher24::new_with_key(&hash_key),
            table: Table::new(entries as usize + SPARE, buckets)?,
            // Twice, since a blob that is overwritten has its blocks until the new one has its own.
            blocks: Blocks::new(full.saturating_mul(2).saturating_add(begun + SPARE))?,
            permits: Permits::new(
                Permit { entries: entries.into(), bytes },
                entries <= EXACT_UP_TO,
            ),
            counters: Counters::default(),
            era: Padded::default(),
            cleared: Padded::default(),
            tick: Padded::default(),
            swept_to: Padded::default(),
        })
    }

    /// Whether there is a live entry under the key.
    pub(crate) fn contains(&self, key: Key<'_>, now: impl Time) -> bool {
        let hash = self.hash(key);
        let (run, _) = self.run(hash, now);
        if run.dead.is_some() {
            self.bury(hash, now);
        }
        run.live > 0
    }

    /// Removes all there is under the key and tells how many live ones that were.
    pub(crate) fn remove(&self, key: Key<'_>, now: impl Time) -> usize {
        let hash = self.hash(key);
        let mut removed = 0;
        loop {
            self.bury(hash, now);
            let (run, _) = self.run(hash, now);
            let Some(mut oldest) = run.oldest() else {
                return removed;
            };
            if self.discard(&mut oldest, hash, Removal::Deleted, now) {
                removed += 1;
            }
        }
    }

    pub(crate) fn len(&self) -> usize {
        usize::try_from(self.held().entries).expect("at most `max`")
    }

    pub(crate) fn bytes(&self) -> u64 {
        self.held().bytes
    }

    /// The counters and gauges, not all of one moment while others are at work.
    pub(crate) fn stats(&self) -> Stats {
        let Permit { entries: size, bytes } = self.held();
        Stats { size, bytes, ..self.counters.stats() }
    }

    pub(crate) fn memory(&self) -> Memory {
        self.blocks.memory()
    }

    /// What the entries have that there are or are about to be. What `clear` is about to remove does not count.
    fn held(&self) -> Permit {
        loop {
            let cleared = self.cleared.0.load(Ordering::Acquire);
            let era = self.era();
            let held = self.permits.held();
            let held = if cleared == era { held } else { held.and(self.linked_in(era)) };
            // The acquire loads above keep this one behind them, and pair with the release of a permit and of a
            // version: in the same era, what was missing among them no `clear` took away.
            if era == self.era() {
                return held;
            }
        }
    }

    /// What the entries of an era have, by looking at all nodes.
    fn linked_in(&self, era: u64) -> Permit {
        let filled = (1..=self.table.nodes.last_touched()).filter(|id| self.state(*id).is_filled());
        let sizes = filled.map(|id| Size(self.table.nodes[id].size.load(Ordering::Acquire)));
        let of_era = sizes.filter(|size| size.is_of(era));
        of_era.fold(Permit::default(), |sum, size| sum.plus(Permit::entry(size.len())))
    }

    fn hash(&self, key: Key<'_>) -> Hash {
        let hash = self.hasher.hash(key.as_bytes());
        Hash { high: hash.h1, low: hash.h2 }
    }

    fn era(&self) -> u64 {
        // Acquire pairs with the release in `clear`.
        self.era.0.load(Ordering::Acquire)
    }

    /// Whether recency is exact: whether there are, or ever were, but so few entries.
    fn is_exact(&self) -> bool {
        self.options.max.get() <= EXACT_UP_TO || self.table.nodes.last_touched() <= EXACT_UP_TO
    }

    /// The run of a key. Its last is live at the moment its `next` was read.
    #[expect(clippy::inline_always, reason = "see `Walk::look`")]
    #[inline(always)]
    fn run(&self, hash: Hash, now: impl Time) -> (Run<'_>, End<'_>) {
        loop {
            let era = self.era();
            let (mut run, end) = self.table.scan(hash, |run: &mut Run<'_>, seen| {
                if seen.size.is_of(era) && !now.has_come(seen.expires_at) {
                    self.blocks.prefetch(seen.place.first(), length(seen));
                    run.push(seen);
                } else {
                    run.dead.get_or_insert(*seen);
                }
            });
            // Otherwise what was stored after a `clear` would seem to be from before it. The acquire loads of the
            // scan keep this one behind them.
            if era == self.era() {
                run.era = era;
                return (run, end);
            }
        }
    }

    /// Removes what is under the key and does not count any more.
    #[cold]
    fn bury(&self, hash: Hash, now: impl Time) {
        while let Some(mut dead) = self.run(hash, now).0.dead {
            self.discard(&mut dead, hash, Removal::Expired, now);
        }
    }

    /// Removes an entry. `false`: another thread did.
    fn discard(&self, seen: &mut Seen<'_>, hash: Hash, why: Removal, now: impl Time) -> bool {
        let permit = self.take_out(seen, hash, why, now);
        permit.inspect(|permit| self.permits.give(*permit)).is_some()
    }

    /// Removes an entry and leaves the caller its permit. `None`: another thread removed it.
    fn take_out(
        &self,
        seen: &mut Seen<'_>,
        hash: Hash,
        why: Removal,
        now: impl Time,
    ) -> Option<Permit> {
        self.table.mark(seen).then(|| self.finish(seen, hash, why, now))
    }

    /// Does what whoever marked an entry has to do, and leaves the caller its permit.
    fn finish(&self, seen: &Seen<'_>, hash: Hash, why: Removal, now: impl Time) -> Permit {
        // What was handed out counts as that, whatever came between.
        let why = if why == Removal::HandedOut {
            why
        } else if !seen.size.is_of(self.era()) {
            Removal::Cleared
        } else if now.has_come(seen.expires_at) {
            Removal::Expired
        } else {
            why
        };
        self.counters.add(Count::Gone(why));
        let node = &self.table.nodes[seen.id];
        // Before the wipe, whose release fence makes this visible to whoever reads a wiped word.
        node.state.store(seen.state.next().0, Ordering::Release);
        let (first, len) = (seen.place.first(), length(seen));
        self.blocks.wipe(first, len);
        self.table.unlink(seen, hash);
        self.blocks.free(first, blocks_for(len));
        self.table.nodes.free(seen.id);
        Permit::entry(seen.size.len())
    }

    fn state(&self, id: Id) -> State {
        // Acquire pairs with the release in `finish` and in `prepare`.
        State(self.table.nodes[id].state.load(Ordering::Acquire))
    }
}

/// A blob's length in bytes, which fits since the blob came as a slice.
#[expect(clippy::cast_possible_truncation, reason = "came from a usize")]
fn length(seen: &Seen<'_>) -> usize {
    seen.size.len() as usize
}

#[cfg(test)]
impl LockFree {
    #[cfg(not(loom))]
    /// Removes every entry that had expired at `now` and tells how many.
    fn sweep(&self, now: impl Time) -> usize {
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
        let nodes = &self.table.nodes;
        let live = (1..=nodes.last_touched()).filter(|id| self.state(*id).is_filled());
        let sizes = live.map(|id| Size(nodes[id].size.load(Ordering::Acquire)));
        let sizes: Vec<u64> = sizes
            .inspect(|size| assert!(size.is_of(self.era()), "a `clear` missed it"))
            .map(Size::len)
            .collect();
        let entries = sizes.len() as u64;
        assert_eq!(u64::from(nodes.last_touched()), entries + nodes.count_free());
        assert_eq!((self.len() as u64, self.bytes()), (entries, sizes.iter().sum()));
        let (touched, free) = self.blocks.count();
        let used: u64 = sizes.iter().map(|len| len.div_ceil(BLOCK_BYTES as u64)).sum();
        assert_eq!(touched, used + free);
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
