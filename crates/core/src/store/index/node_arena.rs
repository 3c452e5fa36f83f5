use std::ops::Index;

use super::node::{Id, MAX_NODES, Node, TaggedLink};
use crate::store::memory::reserved::{OutOfAddressSpace, Reserved};
use crate::store::striped::CachePadded;
use crate::store::sync::{AtomicU64, Ordering};

/// All nodes. Unused nodes are in a free list, or were never used.
///
/// A node keeps the tag of its `next` word and its version through all its lives.
pub(crate) struct NodeArena {
    all: Reserved<Node>,
    free: CachePadded<AtomicU64>,
    /// The highest id that was ever used. The first one is 1.
    high_water: CachePadded<AtomicU64>,
}

impl NodeArena {
    pub(crate) fn new(count: usize) -> Result<Self, OutOfAddressSpace> {
        Ok(Self {
            all: Reserved::in_steps((count + 1).min(MAX_NODES))?,
            free: CachePadded::default(),
            high_water: CachePadded::default(),
        })
    }

    /// Returns the highest id that was ever used.
    #[expect(clippy::cast_possible_truncation, reason = "bounded by the number of nodes")]
    pub(crate) fn highest_used(&self) -> Id {
        // Acquire: pairs with the release in `allocate_untouched`. A node that this misses is not linked yet.
        self.high_water.0.load(Ordering::Acquire) as Id
    }

    /// Returns a node that the caller owns from now on, or `None` if all are in use.
    pub(crate) fn allocate(&self) -> Option<Id> {
        // Acquire: pairs with the release in `free`. The last life of the node is over.
        let mut head = TaggedLink(self.free.0.load(Ordering::Acquire));
        while head.id() != 0 {
            // If the node is in use again, this may be any id. Then the tag makes the exchange fail.
            let next = TaggedLink(self[head.id()].next.load(Ordering::Acquire)).id();
            match self.free.0.compare_exchange_weak(
                head.0,
                head.to(next).0,
                Ordering::AcqRel,
                Ordering::Acquire,
            ) {
                Ok(_) => return Some(head.id()),
                Err(now) => head = TaggedLink(now),
            }
        }
        self.allocate_untouched()
    }

    /// Frees a node to which no word of the list leads any more.
    pub(crate) fn free(&self, id: Id) {
        let word = &self[id].next;
        let mut head = TaggedLink(self.free.0.load(Ordering::Relaxed));
        loop {
            // Relaxed: only the owner writes the word now. The mark turns back a thread whose cursor is still here.
            let old = TaggedLink(word.load(Ordering::Relaxed));
            word.store(old.marked_to(head.id()).0, Ordering::Release);
            // Release: pairs with the acquire in `allocate`.
            match self.free.0.compare_exchange_weak(
                head.0,
                head.to(id).0,
                Ordering::AcqRel,
                Ordering::Relaxed,
            ) {
                Ok(_) => return,
                Err(now) => head = TaggedLink(now),
            }
        }
    }

    #[expect(clippy::cast_possible_truncation, reason = "bounded by the number of nodes")]
    fn allocate_untouched(&self) -> Option<Id> {
        let mut high_water = self.high_water.0.load(Ordering::Relaxed);
        while high_water + 1 < self.all.len() as u64
            && self.all.commit_up_to(high_water as usize + 2)
        {
            // Release: pairs with the acquire in `highest_used`.
            match self.high_water.0.compare_exchange_weak(
                high_water,
                high_water + 1,
                Ordering::AcqRel,
                Ordering::Relaxed,
            ) {
                Ok(_) => return Some((high_water + 1) as Id),
                Err(now) => high_water = now,
            }
        }
        None
    }

    /// Returns the length of the free list. No other thread may use the arena.
    #[cfg(test)]
    pub(crate) fn count_free(&self) -> u64 {
        let mut count = 0;
        let mut id = TaggedLink(self.free.0.load(Ordering::Acquire)).id();
        while id != 0 {
            count += 1;
            id = TaggedLink(self[id].next.load(Ordering::Acquire)).id();
        }
        count
    }
}

impl Index<Id> for NodeArena {
    type Output = Node;

    fn index(&self, id: Id) -> &Node {
        &self.all[id as usize]
    }
}
