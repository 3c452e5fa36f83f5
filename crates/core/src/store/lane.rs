//! Keeps for one thread a few free nodes with their blocks, and counts.
//!
//! A thread owns its lane from its first call until it ends. So it changes the lane without an exchange, which costs as much
//! as several loads. Other threads only read counts there. If all lanes have owners, a thread works without one.

use super::index::node::Id;
use super::striped::CachePadded;
use super::sync::{AtomicU32, AtomicU64, Ordering};

/// The number of lanes.
#[cfg(not(loom))]
pub(super) const LANES: usize = 16;
#[cfg(loom)]
pub(super) const LANES: usize = 1;

/// How many free nodes a lane keeps.
const SLOTS: usize = 4;

/// How many blocks a kept node has at most.
pub(super) const MAX_BLOCKS: usize = 16;

/// How many nodes all lanes keep at most. Each has at most [`MAX_BLOCKS`] blocks.
pub(super) const MAX_KEPT: usize = LANES * SLOTS;

const NODE_BITS: u32 = 27;
const BLOCK_BITS: u32 = 31;

/// A node that is not in use, and a chain of blocks, which are zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct FreeNode {
    pub(super) id: Id,
    pub(super) first: u32,
    pub(super) blocks: usize,
}

impl FreeNode {
    fn pack(self) -> u64 {
        let first = u64::from(self.first) << NODE_BITS;
        (self.blocks as u64) << (NODE_BITS + BLOCK_BITS) | first | u64::from(self.id)
    }

    /// Returns `None` for the word of an empty slot. No node has the id 0.
    fn unpack(word: u64) -> Option<Self> {
        let id = (word & ((1 << NODE_BITS) - 1)) as Id;
        let first = (word >> NODE_BITS & ((1 << BLOCK_BITS) - 1)) as u32;
        (id != 0).then_some(Self { id, first, blocks: Self::blocks_of(word) })
    }

    fn blocks_of(word: u64) -> usize {
        (word >> (NODE_BITS + BLOCK_BITS)) as usize
    }
}

/// The free nodes of all lanes of a store.
#[derive(Default)]
pub(super) struct Lanes {
    all: [CachePadded<[AtomicU64; SLOTS]>; LANES],
}

impl Lanes {
    /// Returns a node with that many blocks, which the caller owns from now on. The caller owns the lane.
    pub(super) fn take(&self, lane: usize, blocks: usize) -> Option<FreeNode> {
        // Relaxed, here and below: only the owner uses these words. `Claims` orders one owner behind another.
        let mut slots = self.all[lane].0.iter().map(|slot| (slot, slot.load(Ordering::Relaxed)));
        let (slot, word) = slots.find(|(_, word)| FreeNode::blocks_of(*word) == blocks)?;
        slot.store(0, Ordering::Relaxed);
        FreeNode::unpack(word)
    }

    /// Keeps a free node of at most [`MAX_BLOCKS`] blocks, and at least one. Returns the node that has to leave for it. The
    /// caller owns the lane.
    pub(super) fn keep(&self, lane: usize, node: FreeNode) -> Option<FreeNode> {
        let slots = &self.all[lane].0;
        let empty = slots.iter().find(|slot| slot.load(Ordering::Relaxed) == 0);
        // Any will do, so that those of a size that is not in demand leave.
        let slot = empty.unwrap_or(&slots[node.id as usize % SLOTS]);
        let old = slot.load(Ordering::Relaxed);
        slot.store(node.pack(), Ordering::Relaxed);
        FreeNode::unpack(old)
    }

    /// Returns all kept nodes. No other thread may use the store.
    #[cfg(test)]
    pub(super) fn kept(&self) -> Vec<FreeNode> {
        let slots = self.all.iter().flat_map(|lane| &lane.0);
        slots.filter_map(|slot| FreeNode::unpack(slot.load(Ordering::Relaxed))).collect()
    }
}

/// The lanes that have an owner, one bit each.
#[cfg(any(not(loom), test))]
pub(super) struct Claims(AtomicU32);

#[cfg(any(not(loom), test))]
impl Claims {
    #[cfg(not(loom))]
    pub(super) const fn new() -> Self {
        Self(AtomicU32::new(0))
    }

    #[cfg(loom)]
    pub(super) fn new() -> Self {
        Self(AtomicU32::new(0))
    }

    /// Returns a lane that the caller owns from now on, or `None` if all have owners.
    pub(super) fn claim(&self) -> Option<usize> {
        let mut claimed = self.0.load(Ordering::Relaxed);
        loop {
            let lane = claimed.trailing_ones();
            if lane as usize >= LANES {
                return None;
            }
            // Acquire: pairs with the release in `release`. The last owner has left the lane.
            match self.0.compare_exchange_weak(
                claimed,
                claimed | 1 << lane,
                Ordering::Acquire,
                Ordering::Relaxed,
            ) {
                Ok(_) => return Some(lane as usize),
                Err(now) => claimed = now,
            }
        }
    }

    /// Gives a lane to the next thread that claims one.
    pub(super) fn release(&self, lane: usize) {
        // Release: pairs with the acquire in `claim`.
        self.0.fetch_and(!(1 << lane), Ordering::Release);
    }
}

#[cfg(not(loom))]
mod imp {
    use std::cell::Cell;

    use super::Claims;

    static CLAIMS: Claims = Claims::new();

    /// No lane was claimed yet.
    const UNKNOWN: usize = usize::MAX;
    /// There was no lane left, or the thread is ending.
    const NONE: usize = usize::MAX - 1;

    // The lane is apart from what is dropped, because a constant without a destructor is read with one load.
    thread_local! {
        static LANE: Cell<usize> = const { Cell::new(UNKNOWN) };
        static END: ThreadEnd = const { ThreadEnd };
    }

    /// Releases the lane of a thread that ends.
    struct ThreadEnd;

    impl Drop for ThreadEnd {
        fn drop(&mut self) {
            let lane = LANE.replace(NONE);
            if lane < NONE {
                CLAIMS.release(lane);
            }
        }
    }

    /// Returns the lane of the calling thread.
    #[inline]
    pub(in super::super) fn lane() -> Option<usize> {
        let lane = LANE.get();
        if lane == UNKNOWN { claim() } else { Some(lane).filter(|lane| *lane < NONE) }
    }

    #[cold]
    fn claim() -> Option<usize> {
        // First, so that a claimed lane is always released.
        let lane = END.try_with(|_| ()).ok().and_then(|()| CLAIMS.claim());
        LANE.set(lane.unwrap_or(NONE));
        lane
    }
}

/// The models claim lanes themselves.
#[cfg(loom)]
mod imp {
    pub(in super::super) fn lane() -> Option<usize> {
        None
    }
}

pub(super) use imp::lane;

#[cfg(all(test, not(loom)))]
mod tests {
    use std::thread;

    use super::*;

    fn node(id: Id, blocks: usize) -> FreeNode {
        FreeNode { id, first: (1 << BLOCK_BITS) - 1, blocks }
    }

    #[test]
    fn a_lane_returns_nodes_of_the_size_asked_for_and_replaces_others() {
        let lanes = Lanes::default();
        let kept = [node(1, 1), node((1 << NODE_BITS) - 1, MAX_BLOCKS), node(3, 2), node(4, 2)];
        assert!(kept.iter().all(|node| lanes.keep(3, *node).is_none()));
        assert_eq!(lanes.take(3, 3), None);
        assert_eq!(lanes.take(2, 1), None, "another lane");
        assert_eq!(lanes.take(3, MAX_BLOCKS), Some(kept[1]));
        assert_eq!(lanes.keep(3, node(5, 3)), None);
        let left = lanes.keep(3, node(6, 4)).expect("there is no slot left");
        assert_eq!(lanes.take(3, 4), Some(node(6, 4)));
        assert_eq!(lanes.kept().len(), SLOTS - 1);
        assert!(!lanes.kept().contains(&left));
    }

    #[test]
    fn each_lane_has_one_owner_until_it_is_released() {
        let claims = Claims::new();
        let all: Vec<_> = (0..LANES).map(|_| claims.claim().unwrap()).collect();
        assert_eq!(all, (0..LANES).collect::<Vec<_>>());
        assert_eq!(claims.claim(), None);
        claims.release(5);
        assert_eq!(claims.claim(), Some(5));
    }

    #[test]
    fn a_thread_releases_its_lane_when_it_ends() {
        // Other tests may own some lanes at the same time.
        let owners = (0..10 * LANES).filter(|_| {
            let [first, second] = thread::spawn(|| [lane(), lane()]).join().unwrap();
            assert_eq!(first, second);
            first.is_some()
        });
        assert!(owners.count() > 2 * LANES);
    }
}
