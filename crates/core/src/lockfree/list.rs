use std::ptr;

use super::buckets::{Bucket, Buckets};
use super::node::{Id, Link, Node, Place, Size, State};
use super::nodes::Nodes;
use super::region::NoRoom;
use super::sync::{AtomicU64, Ordering};

/// The hash of a key, which stands for the key.
///
/// It has 128 bits and a random key, so nobody can find two keys with equal hashes, and chance does not either.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Hash {
    pub(super) high: u64,
    pub(super) low: u64,
}

/// All nodes in one list, in the order of hashes, and among equal hashes (a *run*) of insertion; and the buckets, which
/// stand in the list where walks begin.
///
/// A node is removed by the mark in its `next`, by exactly one thread, and unlinked by any. A newest node is
/// linked, and a newest node overwritten, by a change of the last word of the run: so what puts and what adds
/// exclude each other.
pub(super) struct Table {
    pub(super) nodes: Nodes,
    pub(super) buckets: Buckets,
}

/// A node as it was while it was linked, all of one life.
#[derive(Clone, Copy)]
pub(super) struct Seen<'a> {
    /// The word that led to it, and what it said.
    prev: &'a AtomicU64,
    word: Link,
    pub(super) id: Id,
    pub(super) state: State,
    pub(super) next: Link,
    pub(super) expires_at: u64,
    pub(super) size: Size,
    pub(super) place: Place,
}

/// The last word of a run, or without one the word where it would begin.
#[derive(Clone, Copy)]
pub(super) struct End<'a> {
    prev: &'a AtomicU64,
    pub(super) word: Link,
}

/// What a walk comes by.
enum Met<'s, 'a> {
    Bucket(Bucket),
    Node(&'s Seen<'a>, Hash),
}

/// The way turned out to have changed.
struct Changed;

impl Table {
    /// As many nodes, and as many buckets in the beginning and at most.
    pub(super) fn new(nodes: usize, buckets: [usize; 2]) -> Result<Self, NoRoom> {
        Ok(Self { nodes: Nodes::new(nodes)?, buckets: Buckets::new(buckets)? })
    }

    /// A node of the caller's own. `None` if all are in use.
    pub(super) fn allocate(&self) -> Option<Id> {
        let id = self.nodes.allocate()?;
        // Nodes come in order, so this one tells how many there are.
        self.buckets.grow_for(id);
        Some(id)
    }

    /// Goes through the run of `hash` and unlinks what is marked on the way. `see` meets each node of the run that
    /// is not marked; when the way turns out to have changed, it begins anew with a fresh `S`.
    ///
    /// A node that was marked and linked before the call is not linked after it.
    pub(super) fn scan<'a, S: Default>(
        &'a self,
        hash: Hash,
        mut see: impl FnMut(&mut S, &Seen<'a>),
    ) -> (S, End<'a>) {
        loop {
            let mut seen_so_far = S::default();
            let end = self.walk(self.start(hash), |met| match met {
                Met::Bucket(bucket) => bucket.start() <= hash.high,
                Met::Node(seen, its_hash) => {
                    if its_hash == hash {
                        see(&mut seen_so_far, seen);
                    }
                    its_hash <= hash
                }
            });
            if let Ok(end) = end {
                return (seen_so_far, end);
            }
        }
    }

    /// Follows the list from a word on, as far as `pass` lets it and its end, and unlinks what is marked. `pass` meets
    /// each node that is not marked, and each bucket.
    fn walk<'a>(
        &'a self,
        from: &'a AtomicU64,
        mut pass: impl FnMut(Met<'_, 'a>) -> bool,
    ) -> Result<End<'a>, Changed> {
        let mut prev = from;
        // Acquire, here and below, pairs with the release of whoever linked the node: it was filled before.
        let mut word = Link(prev.load(Ordering::Acquire));
        loop {
            let id = word.id();
            if id == 0 {
                return Ok(End { prev, word });
            }
            if let Some(bucket) = Bucket::named(id) {
                if !pass(Met::Bucket(bucket)) {
                    return Ok(End { prev, word });
                }
                // The word was in the list, and a bucket stays there. If it is sealed still, any change breaks the seal.
                prev = self.buckets.word(bucket);
                word = Link(prev.load(Ordering::Acquire));
                continue;
            }
            let node = &self.nodes[id];
            let (seen, its_hash) = read(node, prev, word);
            // The word has a tag, so if it is the same the node was linked from the first load to this one:
            // all fields are of one life. The acquire loads before keep this one behind them, and pair with
            // the release stores of a next life, which come after the word changed.
            if prev.load(Ordering::Acquire) != word.0 {
                return Err(Changed);
            }
            if seen.next.is_marked() {
                let skipping = word.to(seen.next.id());
                exchange(prev, word, skipping).map_err(|_| Changed)?;
                word = skipping;
                continue;
            }
            if !pass(Met::Node(&seen, its_hash)) {
                return Ok(End { prev, word });
            }
            (prev, word) = (&node.next, seen.next);
        }
    }

    /// The word of an open bucket before the hash, the nearest if nothing happens in between.
    fn start(&self, hash: Hash) -> &AtomicU64 {
        self.start_of(self.buckets.of(hash))
    }

    fn start_of(&self, bucket: Bucket) -> &AtomicU64 {
        let word = self.buckets.word(bucket);
        // Acquire pairs with the release in `unseal`: the bucket is in the list.
        if Buckets::is_open(bucket, Link(word.load(Ordering::Acquire))) {
            return word;
        }
        self.open(bucket)
    }

    /// Tries to put a bucket into the list. The word from which to begin until then is an earlier bucket's.
    ///
    /// The bucket's word is sealed with what is to follow, then the word before it changed to lead to it. All the
    /// while others may do the same. The word is read before the list is looked at, so whoever seals it found the
    /// list as it was after the last seal; and the change in the list is the only one since its looker looked. So
    /// when the bucket is linked its word leads to what did follow, whoever wrote it last.
    #[cold]
    fn open(&self, bucket: Bucket) -> &AtomicU64 {
        // The earlier one first, if it is not in the list either: so every walk is short.
        let from = self.start_of(bucket.parent());
        // Acquire keeps the look at the list behind it.
        let old = Link(self.buckets.word(bucket).load(Ordering::Acquire));
        let mut is_linked = false;
        let place = self.walk(from, |met| match met {
            Met::Bucket(other) => {
                is_linked |= other == bucket;
                other.start() < bucket.start()
            }
            Met::Node(_, hash) => hash.high < bucket.start(),
        });
        let Ok(End { prev, word }) = place else {
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

    /// The word of a bucket that is in the list, open from now on.
    fn unseal(&self, bucket: Bucket) -> &AtomicU64 {
        let prev = self.buckets.word(bucket);
        let mut word = Link(prev.load(Ordering::Acquire));
        while word.is_marked()
            && let Err(now) = exchange(prev, word, word.to(word.id()))
        {
            word = now;
        }
        prev
    }

    /// The node, if it is linked and not marked and in the same life.
    pub(super) fn find(&self, hash: Hash, id: Id, version: u64) -> Option<Seen<'_>> {
        let (found, _) = self.scan(hash, |found: &mut Option<Seen<'_>>, seen| {
            if seen.id == id && seen.state.version() == version {
                *found = Some(*seen);
            }
        });
        found
    }

    /// Removes the node. `false`: another thread did.
    pub(super) fn mark(&self, seen: &mut Seen<'_>) -> bool {
        let node = &self.nodes[seen.id];
        loop {
            let Err(now) = self.mark_unchanged(seen) else {
                return true;
            };
            // The word was loaded before the version: with the same version it is of the same life.
            let version = State(node.state.load(Ordering::Acquire)).version();
            if now.is_marked() || version != seen.state.version() {
                return false;
            }
            seen.next = now;
        }
    }

    /// Removes the node if nothing happened right behind it. If it was the newest of its run, it is so now.
    pub(super) fn mark_unchanged(&self, seen: &Seen<'_>) -> Result<(), Link> {
        exchange(&self.nodes[seen.id].next, seen.next, seen.next.marked_to(seen.next.id()))
    }

    /// Links a filled node of the caller's own as the newest of its run, and with `over`, which is the newest so
    /// far, removes that one in the same step. `false`: something happened there.
    pub(super) fn link(&self, id: Id, end: &End<'_>, over: Option<&mut Seen<'_>>) -> bool {
        let next = &self.nodes[id].next;
        // The caller's own; the exchange below publishes it.
        let old = Link(next.load(Ordering::Relaxed));
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

    /// Sees to it that a node the caller has marked is not linked any more.
    pub(super) fn unlink(&self, seen: &Seen<'_>, hash: Hash) {
        if exchange(seen.prev, seen.word, seen.word.to(seen.next.id())).is_err() {
            self.scan(hash, |(): &mut (), _| ());
        }
    }
}

#[cfg(test)]
impl Table {
    /// As a thread does to which there is one bucket still.
    fn scan_from_the_beginning(&self, hash: Hash) -> (Vec<Seen<'_>>, bool) {
        loop {
            let mut found = Vec::new();
            let mut in_order = true;
            let mut last = Hash { high: 0, low: 0 };
            let walked = self.walk(self.buckets.word(Bucket::FIRST), |met| {
                let at = match met {
                    Met::Bucket(bucket) => Hash { high: bucket.start(), low: 0 },
                    Met::Node(seen, its_hash) => {
                        if its_hash == hash {
                            found.push(*seen);
                        }
                        its_hash
                    }
                };
                in_order &= last <= at;
                last = at;
                true
            });
            if walked.is_ok() {
                return (found, in_order);
            }
        }
    }

    pub(super) fn count_from_the_beginning(&self, hash: Hash) -> usize {
        let (found, in_order) = self.scan_from_the_beginning(hash);
        assert!(in_order, "the list is sorted");
        found.len()
    }

    #[cfg(loom)]
    pub(super) fn remove_from_the_beginning(&self, hash: Hash) -> bool {
        let Some(mut seen) = self.scan_from_the_beginning(hash).0.pop() else {
            return false;
        };
        let marked = self.mark(&mut seen);
        if marked {
            if exchange(seen.prev, seen.word, seen.word.to(seen.next.id())).is_err() {
                self.scan_from_the_beginning(hash);
            }
            self.nodes.free(seen.id);
        }
        marked
    }

    /// How many nodes the longest walk from a bucket to the next comes by, while nobody else is here.
    #[cfg(not(loom))]
    pub(super) fn longest_walk(&self) -> usize {
        let (mut longest, mut walk) = (0, 0);
        let end = self.walk(self.buckets.word(Bucket::FIRST), |met| {
            walk = if matches!(met, Met::Bucket(_)) { 0 } else { walk + 1 };
            longest = longest.max(walk);
            true
        });
        assert!(end.is_ok(), "nobody else is here");
        longest
    }
}

fn read<'a>(node: &Node, prev: &'a AtomicU64, word: Link) -> (Seen<'a>, Hash) {
    let load = |field: &AtomicU64| field.load(Ordering::Acquire);
    let hash = Hash { high: load(&node.hash_high), low: load(&node.hash_low) };
    let seen = Seen {
        prev,
        word,
        id: word.id(),
        state: State(load(&node.state)),
        next: Link(load(&node.next)),
        expires_at: load(&node.expires_at),
        size: Size(load(&node.size)),
        place: Place(load(&node.place)),
    };
    (seen, hash)
}

/// Release publishes a filled node to the acquire loads in `scan`; acquire, because a link found by a failed
/// exchange is followed.
fn exchange(word: &AtomicU64, from: Link, to: Link) -> Result<(), Link> {
    match word.compare_exchange(from.0, to.0, Ordering::AcqRel, Ordering::Acquire) {
        Ok(_) => Ok(()),
        Err(now) => Err(Link(now)),
    }
}
