use std::ptr;

use super::lane::Padded;
use super::node::{Id, Link, Node, Place, Size, State};
use super::nodes::Nodes;
use super::region::Region;
use super::sync::{AtomicU64, Ordering};

/// The hash of a key, which stands for the key.
///
/// It has 128 bits and a random key, so nobody can find two keys with equal hashes, and chance does not either.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Hash {
    pub(super) high: u64,
    pub(super) low: u64,
}

/// Buckets of nodes, each a list in the order of hashes, and among equal hashes (a *run*) of insertion.
///
/// A node is removed by the mark in its `next`, by exactly one thread, and unlinked by any. A newest node is
/// linked, and a newest node overwritten, by a change of the last word of the run: so what puts and what adds
/// exclude each other.
pub(super) struct Table {
    pub(super) nodes: Nodes,
    buckets: Padded<Region<AtomicU64>>,
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

impl Table {
    pub(super) fn new(nodes: usize, buckets: usize) -> Self {
        assert!(buckets.is_power_of_two(), "a mask picks the bucket");
        Self { nodes: Nodes::new(nodes), buckets: Padded(Region::new(buckets)) }
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
        'anew: loop {
            let mut seen_so_far = S::default();
            let mut prev = self.bucket(hash);
            // Acquire, here and below, pairs with the release of whoever linked the node: it was filled before.
            let mut word = Link(prev.load(Ordering::Acquire));
            loop {
                let id = word.id();
                if id == 0 {
                    return (seen_so_far, End { prev, word });
                }
                let node = &self.nodes[id];
                let (seen, its_hash) = read(node, prev, word);
                // The word has a tag, so if it is the same the node was linked from the first load to this one:
                // all fields are of one life. The acquire loads before keep this one behind them, and pair with
                // the release stores of a next life, which come after the word changed.
                if prev.load(Ordering::Acquire) != word.0 {
                    continue 'anew;
                }
                if seen.next.is_marked() {
                    let past = word.to(seen.next.id());
                    if exchange(prev, word, past).is_err() {
                        continue 'anew;
                    }
                    word = past;
                    continue;
                }
                if its_hash > hash {
                    return (seen_so_far, End { prev, word });
                }
                if its_hash == hash {
                    see(&mut seen_so_far, &seen);
                }
                (prev, word) = (&node.next, seen.next);
            }
        }
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

    #[expect(clippy::cast_possible_truncation, reason = "any bits will do")]
    fn bucket(&self, hash: Hash) -> &AtomicU64 {
        let buckets = &self.buckets.0;
        &buckets[hash.low as usize & (buckets.len() - 1)]
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
