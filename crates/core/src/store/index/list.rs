#![expect(clippy::inline_always, reason = "measured, see `Cursor::peek`")]

use std::ptr;

use siphasher::sip128::Hash128;

use crate::EntryId;

use super::node::{BlockRef, Id, LenAndGeneration, Node, NodeState, TaggedLink};
use super::node_arena::NodeArena;
use super::split_order::{Bucket, Buckets};
use crate::store::conflict::{Conflict, retry};
use crate::store::memory::reserved::OutOfAddressSpace;
use crate::store::payload::atomic_copy::prefetch;
use crate::store::sync::{AtomicU64, Ordering};

/// The hash of a key, which stands for the key.
///
/// It has 128 bits and a random key. So an attacker cannot find two keys with equal hashes, and chance does not produce
/// them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Hash {
    pub(crate) high: u64,
    pub(crate) low: u64,
}

impl Hash {
    /// The bits of one half are in reverse, because the bucket depends on the last ones. So it is known at once, and the
    /// order in the list somewhat later.
    #[inline]
    pub(crate) fn new(hash: Hash128) -> Self {
        Self { high: hash.h1.reverse_bits(), low: hash.h2 }
    }
}

/// All nodes in one list, ordered by hash; nodes of equal hashes (a *run*) in the order of insertion. The buckets are in the
/// same list.
///
/// Exactly one thread removes a node, by the mark in its `next`. Any thread may unlink it then. Linking a newest node and
/// overwriting a newest node both change the last word of the run, so they exclude each other.
pub(crate) struct OrderedList {
    pub(crate) nodes: NodeArena,
    pub(crate) buckets: Buckets,
}

/// The fields of a node while it was linked, all from one life.
#[derive(Clone, Copy)]
pub(crate) struct NodeSnapshot<'a> {
    /// The word that led to the node, and its value.
    prev: &'a AtomicU64,
    word: TaggedLink,
    pub(crate) id: Id,
    pub(crate) state: NodeState,
    pub(crate) next: TaggedLink,
    pub(crate) expires_at: u64,
    pub(crate) size: LenAndGeneration,
    pub(crate) place: BlockRef,
}

/// The last word of a run, or the word at which a run would begin.
#[derive(Clone, Copy)]
pub(crate) struct RunEnd<'a> {
    prev: &'a AtomicU64,
    pub(crate) word: TaggedLink,
}

/// The next thing in the list.
enum Ahead<'a> {
    Nothing,
    Bucket(Bucket),
    Node(NodeSnapshot<'a>, Hash),
}

/// A position of a walk through the list.
#[derive(Clone, Copy)]
struct Cursor<'a> {
    list: &'a OrderedList,
    prev: &'a AtomicU64,
    word: TaggedLink,
}

impl<'a> Cursor<'a> {
    fn begin(list: &'a OrderedList, prev: &'a AtomicU64) -> Self {
        // Acquire, here and below: pairs with the release that linked the node. The node was filled before.
        Self { list, prev, word: TaggedLink(prev.load(Ordering::Acquire)) }
    }

    /// Returns the next thing in the list, after unlinking marked nodes.
    // Inlined, like its callers up to the start of an operation, so that snapshots stay in registers. That is a third of the
    // cost of a walk whose nodes are in the cache.
    #[inline(always)]
    fn peek(&mut self) -> Result<Ahead<'a>, Conflict> {
        loop {
            let id = self.word.id();
            if id == 0 {
                return Ok(Ahead::Nothing);
            }
            if let Some(bucket) = Bucket::named(id) {
                return Ok(Ahead::Bucket(bucket));
            }
            let (seen, hash) = read(&self.list.nodes[id], self.prev, self.word);
            // The word has an ABA tag. So if it is the same, the node was linked from the first load to this one, and all fields
            // are from one life. The acquire loads keep this one behind them. They pair with the release stores of a
            // next life, which come after the word changed.
            if self.prev.load(Ordering::Acquire) != self.word.0 {
                return Err(Conflict);
            }
            if !seen.next.is_marked() {
                return Ok(Ahead::Node(seen, hash));
            }
            let skipping = self.word.to(seen.next.id());
            exchange(self.prev, self.word, skipping).map_err(|_| Conflict)?;
            self.word = skipping;
        }
    }

    #[inline(always)]
    fn pass_bucket(&mut self, bucket: Bucket) {
        // The bucket was in the list, and stays there. If it is still sealed, any change breaks the seal.
        *self = Self::begin(self.list, self.list.buckets.word(bucket));
    }

    #[inline(always)]
    fn pass_node(&mut self, seen: &NodeSnapshot<'a>) {
        (self.prev, self.word) = (&self.list.nodes[seen.id].next, seen.next);
    }

    fn end(self) -> RunEnd<'a> {
        RunEnd { prev: self.prev, word: self.word }
    }
}

/// A walk through one run, which unlinks marked nodes on the way.
pub(crate) struct RunWalk<'a> {
    cursor: Cursor<'a>,
    hash: Hash,
}

impl<'a> RunWalk<'a> {
    /// Returns the next node of the run that is not marked, or `None` at its end. Fails if the list changed under the walk.
    #[inline(always)]
    pub(crate) fn next_node(&mut self) -> Result<Option<NodeSnapshot<'a>>, Conflict> {
        loop {
            match self.cursor.peek()? {
                Ahead::Bucket(bucket) if bucket.start() <= self.hash.high => {
                    self.cursor.pass_bucket(bucket);
                }
                Ahead::Node(seen, hash) if hash <= self.hash => {
                    self.cursor.pass_node(&seen);
                    if hash == self.hash {
                        return Ok(Some(seen));
                    }
                }
                _ => return Ok(None),
            }
        }
    }

    pub(crate) fn end(self) -> RunEnd<'a> {
        self.cursor.end()
    }
}

impl OrderedList {
    /// `nodes`: the number of nodes; `buckets`: the number at first and at most.
    pub(crate) fn new(nodes: usize, buckets: [usize; 2]) -> Result<Self, OutOfAddressSpace> {
        Ok(Self { nodes: NodeArena::new(nodes)?, buckets: Buckets::new(buckets)? })
    }

    /// Returns a node that the caller owns from now on, or `None` if all are in use.
    pub(crate) fn allocate(&self) -> Option<Id> {
        let id = self.nodes.allocate()?;
        // Nodes are first used in order, so the id is a lower bound of their number.
        self.buckets.grow_for(id);
        Some(id)
    }

    /// Begins a walk through the run of `hash`. A node that was marked and linked before is not linked any more when the
    /// walk is at its end.
    #[inline(always)]
    pub(crate) fn walk(&self, hash: Hash) -> RunWalk<'_> {
        RunWalk { cursor: Cursor::begin(self, self.start(hash)), hash }
    }

    /// Returns the word of an open bucket before the hash, usually the nearest.
    fn start(&self, hash: Hash) -> &AtomicU64 {
        self.start_of(self.buckets.of(hash))
    }

    fn start_of(&self, bucket: Bucket) -> &AtomicU64 {
        let word = self.buckets.word(bucket);
        // Acquire: pairs with the release in `unseal`. The bucket is in the list.
        if Buckets::is_open(bucket, TaggedLink(word.load(Ordering::Acquire))) {
            return word;
        }
        self.open(bucket)
    }

    /// Tries to link a bucket. Returns its word, or the word of an earlier bucket if it is not linked yet.
    ///
    /// First the word of the bucket is sealed with what will follow. Then the word before it is changed to lead to the bucket.
    /// Other threads may do the same at any time. The word is read before the list, so the thread that seals it saw the
    /// list after the last seal. Its change of the list succeeds only if nothing changed there since. So the word of
    /// a linked bucket leads to what followed it, whichever thread wrote it last.
    #[cold]
    fn open(&self, bucket: Bucket) -> &AtomicU64 {
        // First the parent, if it is not linked either, so that every walk is short.
        let from = self.start_of(bucket.parent());
        // Acquire: keeps the walk behind this load.
        let old = TaggedLink(self.buckets.word(bucket).load(Ordering::Acquire));
        let Ok((RunEnd { prev, word }, is_linked)) = self.place_of(bucket, from) else {
            return from;
        };
        if !is_linked {
            let sealed = old.marked_to(word.id());
            let linked = exchange(self.buckets.word(bucket), old, sealed)
                .and_then(|()| exchange(prev, word, word.to(bucket.id())));
            if linked.is_err() {
                return from;
            }
        }
        self.unseal(bucket)
    }

    /// Returns the word after which a bucket belongs, and whether it is linked there.
    fn place_of<'a>(
        &'a self,
        bucket: Bucket,
        from: &'a AtomicU64,
    ) -> Result<(RunEnd<'a>, bool), Conflict> {
        let mut walk = Cursor::begin(self, from);
        loop {
            match walk.peek()? {
                Ahead::Bucket(other) if other.start() < bucket.start() => walk.pass_bucket(other),
                Ahead::Node(seen, hash) if hash.high < bucket.start() => walk.pass_node(&seen),
                ahead => {
                    let is_linked = matches!(ahead, Ahead::Bucket(other) if other == bucket);
                    return Ok((walk.end(), is_linked));
                }
            }
        }
    }

    /// Opens a bucket that is linked. Returns its word.
    fn unseal(&self, bucket: Bucket) -> &AtomicU64 {
        let prev = self.buckets.word(bucket);
        let mut word = TaggedLink(prev.load(Ordering::Acquire));
        while word.is_marked()
            && let Err(now) = exchange(prev, word, word.to(word.id()))
        {
            word = now;
        }
        prev
    }

    /// Fetches the bucket at which the walk to a node begins.
    pub(crate) fn prefetch_bucket(&self, node: &Node) {
        prefetch(self.bucket_of(node), 1);
    }

    /// Fetches the node that follows that bucket.
    pub(crate) fn prefetch_first(&self, node: &Node) {
        // Relaxed: a hint.
        let id = TaggedLink(self.bucket_of(node).load(Ordering::Relaxed)).id();
        if Bucket::named(id).is_none() {
            prefetch(&self.nodes[id], 1);
        }
    }

    fn bucket_of(&self, node: &Node) -> &AtomicU64 {
        // Relaxed: a hint.
        let high = node.hash_high.load(Ordering::Relaxed);
        self.buckets.word(self.buckets.of(Hash { high, low: 0 }))
    }

    /// Finds a node of a run if it is linked, not marked, and still in that life.
    pub(crate) fn find(
        &self,
        hash: Hash,
        id: Id,
        version: u64,
    ) -> Result<Option<NodeSnapshot<'_>>, Conflict> {
        self.find_where(hash, |seen| seen.id == id && seen.state.version() == version)
    }

    /// Finds the node of an entry of a run if it is linked and not marked.
    pub(crate) fn find_entry(
        &self,
        hash: Hash,
        entry: EntryId,
    ) -> Result<Option<NodeSnapshot<'_>>, Conflict> {
        self.find_where(hash, |seen| {
            seen.id == entry.node() && EntryId::new(seen.id, seen.state.version()) == entry
        })
    }

    fn find_where<'a>(
        &'a self,
        hash: Hash,
        is_sought: impl Fn(&NodeSnapshot<'a>) -> bool,
    ) -> Result<Option<NodeSnapshot<'a>>, Conflict> {
        retry(|| {
            let mut walk = self.walk(hash);
            while let Some(seen) = walk.next_node()? {
                if is_sought(&seen) {
                    return Ok(Some(seen));
                }
            }
            Ok(None)
        })
    }

    /// Marks a node, which removes it. Returns false if another thread did.
    pub(crate) fn mark(&self, seen: &mut NodeSnapshot<'_>) -> Result<bool, Conflict> {
        let node = &self.nodes[seen.id];
        retry(|| {
            let Err(now) = self.mark_unchanged(seen) else {
                return Ok(true);
            };
            // The word was loaded before the version, so with the same version it is from the same life.
            let version = NodeState(node.state.load(Ordering::Acquire)).version();
            if now.is_marked() || version != seen.state.version() {
                return Ok(false);
            }
            seen.next = now;
            Err(Conflict)
        })
    }

    /// Marks a node if nothing changed directly behind it. If it was the newest of its run, it was so until now.
    pub(crate) fn mark_unchanged(&self, seen: &NodeSnapshot<'_>) -> Result<(), TaggedLink> {
        exchange(&self.nodes[seen.id].next, seen.next, seen.next.marked_to(seen.next.id()))
    }

    /// Links a filled node that the caller owns as the newest of its run. With `over`, which is the newest so far, removes
    /// that one in the same step. Returns false if the end of the run changed.
    pub(crate) fn link(
        &self,
        id: Id,
        end: &RunEnd<'_>,
        over: Option<&mut NodeSnapshot<'_>>,
    ) -> bool {
        let next = &self.nodes[id].next;
        // Relaxed: the caller owns the node, and the exchange below publishes it.
        let old = TaggedLink(next.load(Ordering::Relaxed));
        next.store(old.to(end.word.id()).0, Ordering::Release);
        let Some(over) = over else {
            return exchange(end.prev, end.word, end.word.to(id)).is_ok();
        };
        let word_of_newest = &self.nodes[over.id].next;
        debug_assert!(ptr::eq(end.prev, word_of_newest), "the newest is the last of its run");
        let marked = end.word.marked_to(id);
        let linked = exchange(end.prev, end.word, marked).is_ok();
        if linked {
            over.next = marked;
        }
        linked
    }

    /// Unlinks a node that the caller has marked. If it fails, the node may still be linked.
    pub(crate) fn unlink(&self, seen: &NodeSnapshot<'_>, hash: Hash) -> Result<(), Conflict> {
        exchange(seen.prev, seen.word, seen.word.to(seen.next.id()))
            .or_else(|_| self.unlink_marked(hash))
    }

    /// Unlinks the nodes of a run that are marked.
    pub(crate) fn unlink_marked(&self, hash: Hash) -> Result<(), Conflict> {
        retry(|| {
            let mut walk = self.walk(hash);
            while walk.next_node()?.is_some() {}
            Ok(())
        })
    }
}

#[cfg(test)]
impl OrderedList {
    /// Returns everything in the list in order: the start of a bucket, or a node and its hash.
    fn everything(&self) -> Result<Vec<(Option<NodeSnapshot<'_>>, Hash)>, Conflict> {
        let mut all = Vec::new();
        let mut walk = Cursor::begin(self, self.buckets.word(Bucket::FIRST));
        loop {
            match walk.peek()? {
                Ahead::Nothing => return Ok(all),
                Ahead::Bucket(bucket) => {
                    all.push((None, Hash { high: bucket.start(), low: 0 }));
                    walk.pass_bucket(bucket);
                }
                Ahead::Node(seen, hash) => {
                    all.push((Some(seen), hash));
                    walk.pass_node(&seen);
                }
            }
        }
    }

    /// Walks from the first bucket, as a thread does that knows no other.
    fn scan_from_the_beginning(&self, hash: Hash) -> (Vec<NodeSnapshot<'_>>, bool) {
        loop {
            if let Ok(all) = self.everything() {
                let of_hash = all.iter().filter(|(_, its_hash)| *its_hash == hash);
                let found = of_hash.filter_map(|(seen, _)| *seen).collect();
                return (found, all.is_sorted_by_key(|(_, hash)| *hash));
            }
        }
    }

    pub(crate) fn count_from_the_beginning(&self, hash: Hash) -> usize {
        let (found, in_order) = self.scan_from_the_beginning(hash);
        assert!(in_order, "the list is sorted");
        found.len()
    }

    /// Walks through a run until no other thread interferes, each time with a new `S`.
    pub(crate) fn scan<'a, S: Default>(
        &'a self,
        hash: Hash,
        mut see: impl FnMut(&mut S, &NodeSnapshot<'a>),
    ) -> (S, RunEnd<'a>) {
        loop {
            let (mut seen_so_far, mut walk) = (S::default(), self.walk(hash));
            loop {
                match walk.next_node() {
                    Ok(Some(seen)) => see(&mut seen_so_far, &seen),
                    Ok(None) => return (seen_so_far, walk.end()),
                    Err(Conflict) => break,
                }
            }
        }
    }

    #[cfg(loom)]
    pub(crate) fn remove_from_the_beginning(&self, hash: Hash) -> bool {
        let Some(mut seen) = self.scan_from_the_beginning(hash).0.pop() else {
            return false;
        };
        let marked = self.mark(&mut seen).unwrap();
        if marked {
            if exchange(seen.prev, seen.word, seen.word.to(seen.next.id())).is_err() {
                self.scan_from_the_beginning(hash);
            }
            self.nodes.free(seen.id);
        }
        marked
    }

    /// Returns the number of nodes in the longest walk from a bucket to the next. No other thread may use the list.
    #[cfg(not(loom))]
    pub(crate) fn longest_walk(&self) -> usize {
        let Ok(all) = self.everything() else {
            panic!("another thread uses the list");
        };
        all.split(|(seen, _)| seen.is_none()).map(<[_]>::len).max().unwrap_or(0)
    }
}

#[inline(always)]
fn read<'a>(node: &Node, prev: &'a AtomicU64, word: TaggedLink) -> (NodeSnapshot<'a>, Hash) {
    let load = |field: &AtomicU64| field.load(Ordering::Acquire);
    let hash = Hash { high: load(&node.hash_high), low: load(&node.hash_low) };
    let seen = NodeSnapshot {
        prev,
        word,
        id: word.id(),
        state: NodeState(load(&node.state)),
        next: TaggedLink(load(&node.next)),
        expires_at: load(&node.expires_at),
        size: LenAndGeneration(load(&node.size)),
        place: BlockRef(load(&node.place)),
    };
    (seen, hash)
}

/// Release: publishes a filled node to the acquire loads of a walk. Acquire: the link that a failed exchange finds is
/// followed.
fn exchange(word: &AtomicU64, from: TaggedLink, to: TaggedLink) -> Result<(), TaggedLink> {
    match word.compare_exchange(from.0, to.0, Ordering::AcqRel, Ordering::Acquire) {
        Ok(_) => Ok(()),
        Err(now) => Err(TaggedLink(now)),
    }
}
