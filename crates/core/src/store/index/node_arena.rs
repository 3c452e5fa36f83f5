use std::ops::Index;

use super::node::{Id, MAX_NODES, Node, TaggedLink};
use crate::store::memory::reserved::{OutOfAddressSpace, Reserved};
use crate::store::striped::CachePadded;
use crate::store::sync::{AtomicU64, Ordering};

/// All nodes, and those that are not in use: a stack, and the rest that never was in use.
///
/// A node keeps its `next` word's tag and its version through all its lives.
pub(crate) struct NodeArena {
    all: Reserved<Node>,
    free: CachePadded<AtomicU64>,
    /// How many were ever in use, the first being 1.
    high_water: CachePadded<AtomicU64>,
}

impl NodeArena {
    pub(crate) fn new(count: usize) -> Result<Self, OutOfAddressSpace> {
        Ok(Self {
            all: Reserved::new((count + 1).min(MAX_NODES))?,
            free: CachePadded::default(),
            high_water: CachePadded::default(),
        })
    }

    /// The last node that was ever in use.
    #[expect(clippy::cast_possible_truncation, reason = "bounded by the number of nodes")]
    pub(crate) fn highest_used(&self) -> Id {
        // Acquire pairs with the release in `allocate_untouched`; a node missed is one that is not linked yet.
        self.high_water.0.load(Ordering::Acquire) as Id
    }

    /// A node of the caller's own. `None` if all are in use.
    pub(crate) fn allocate(&self) -> Option<Id> {
        // Acquire pairs with the release in `free`: the node's last life is over for us.
        let mut head = TaggedLink(self.free.0.load(Ordering::Acquire));
        while head.id() != 0 {
            // If the node is in use again this is any id at all, and then the exchange fails on the tag.
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

    /// Takes back a node to which no linked word leads any more.
    pub(crate) fn free(&self, id: Id) {
        let word = &self[id].next;
        let mut head = TaggedLink(self.free.0.load(Ordering::Relaxed));
        loop {
            // The owner alone writes the word now. The mark makes a thread that still stands here turn back.
            let old = TaggedLink(word.load(Ordering::Relaxed));
            word.store(old.marked_to(head.id()).0, Ordering::Release);
            // Release pairs with the acquire in `allocate`.
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
        while high_water + 1 < self.all.len() as u64 {
            // Release pairs with the acquire in `highest_used`.
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

    /// How many are in the stack, while nobody else is here.
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
