//! Nodes, which are never given back, and the packed words in them.

use super::split_order::MAX_BUCKETS;
use crate::store::sync::AtomicU64;

/// The id of a node or of a bucket; 0 is none.
pub(crate) type Id = u32;

const ID_BITS: u32 = 27;
const ID_MASK: u64 = (1 << ID_BITS) - 1;
const MARK: u64 = 1 << 63;
/// Nodes have the ids below this, buckets those from it on.
pub(crate) const MAX_NODES: usize = (1 << ID_BITS) - MAX_BUCKETS;

/// A word of the list: a mark, an ABA tag that every change advances, and the id of what follows.
///
/// The mark in the word of a node says that this node is removed. The mark in the word of a bucket says that the bucket may
/// not be linked yet. The tag has 36 bits: no thread is stopped for exactly as many changes as wrap it around.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TaggedLink(pub(crate) u64);

impl TaggedLink {
    pub(crate) fn id(self) -> Id {
        (self.0 & ID_MASK) as Id
    }

    pub(crate) fn is_marked(self) -> bool {
        self.0 & MARK != 0
    }

    /// Returns the next word, which leads to `id` and has no mark.
    pub(crate) fn to(self, id: Id) -> Self {
        let tag = (self.0 & !MARK & !ID_MASK).wrapping_add(1 << ID_BITS) & !MARK;
        Self(tag | u64::from(id))
    }

    /// Returns the next word, which leads to `id` and has the mark.
    pub(crate) fn marked_to(self, id: Id) -> Self {
        Self(self.to(id).0 | MARK)
    }
}

/// The version of a node, and the flags of its current life.
///
/// The version is odd from the moment at which the node is filled until its bytes are about to be wiped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct NodeState(pub(crate) u64);

const VERSION_SHIFT: u32 = 8;
const USED: u64 = 1;
const REUSABLE: u64 = 2;
const ANNOTATED: u64 = 4;
const LINGERING: u64 = 8;

impl NodeState {
    pub(crate) fn version(self) -> u64 {
        self.0 >> VERSION_SHIFT
    }

    pub(crate) fn is_filled(self) -> bool {
        self.version() & 1 == 1
    }

    /// Returns the next version, without flags.
    pub(crate) fn next(self) -> Self {
        Self((self.version() + 1) << VERSION_SHIFT)
    }

    pub(crate) fn reusable(self, yes: bool) -> Self {
        Self(if yes { self.0 | REUSABLE } else { self.0 })
    }

    pub(crate) fn annotated(self, yes: bool) -> Self {
        Self(if yes { self.0 | ANNOTATED } else { self.0 })
    }

    /// True if the payload begins with an annotation.
    pub(crate) fn is_annotated(self) -> bool {
        self.0 & ANNOTATED != 0
    }

    /// Returns the state of a node that is wiped, but may still be linked.
    pub(crate) fn lingering(self) -> Self {
        Self(self.0 | LINGERING)
    }

    /// Returns the same version without flags.
    pub(crate) fn settled(self) -> Self {
        Self(self.version() << VERSION_SHIFT)
    }

    pub(crate) fn is_lingering(self) -> bool {
        self.0 & LINGERING != 0
    }

    pub(crate) fn used(self) -> Self {
        Self(self.0 | USED)
    }

    pub(crate) fn is_used(self) -> bool {
        self.0 & USED != 0
    }

    pub(crate) fn is_reusable(self) -> bool {
        self.0 & REUSABLE != 0
    }
}

const LEN_BITS: u32 = 37;
const LEN_MASK: u64 = (1 << LEN_BITS) - 1;
const GENERATION_MASK: u64 = (1 << (64 - LEN_BITS)) - 1;

/// The length of a blob with its annotation, and the clear generation in which it was stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct LenAndGeneration(pub(crate) u64);

impl LenAndGeneration {
    pub(crate) fn new(len: u64, generation: u64) -> Self {
        Self(generation << LEN_BITS | len)
    }

    pub(crate) fn len(self) -> u64 {
        self.0 & LEN_MASK
    }

    pub(crate) fn is_of(self, generation: u64) -> bool {
        self.0 >> LEN_BITS == generation & GENERATION_MASK
    }
}

const FIRST_BITS: u32 = 31;
const FIRST_MASK: u64 = (1 << FIRST_BITS) - 1;

/// The first block of a blob, and its place in the order of insertions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct BlockRef(pub(crate) u64);

impl BlockRef {
    pub(crate) fn new(first: u32, order: u64) -> Self {
        Self(order << FIRST_BITS | u64::from(first))
    }

    pub(crate) fn first(self) -> u32 {
        (self.0 & FIRST_MASK) as u32
    }

    pub(crate) fn order(self) -> u64 {
        self.0 >> FIRST_BITS
    }
}

/// One entry: a cache line.
#[derive(Debug, Default)]
#[repr(C, align(64))]
pub(crate) struct Node {
    /// A [`TaggedLink`].
    pub(crate) next: AtomicU64,
    /// A [`NodeState`].
    pub(crate) state: AtomicU64,
    pub(crate) hash_high: AtomicU64,
    pub(crate) hash_low: AtomicU64,
    /// The first millisecond in which the entry must not be returned any more.
    pub(crate) expires_at: AtomicU64,
    /// A [`LenAndGeneration`].
    pub(crate) size: AtomicU64,
    /// A [`BlockRef`].
    pub(crate) place: AtomicU64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_wraps_around_without_changing_the_mark_or_the_id() {
        let last = TaggedLink(MARK | ((1 << 36) - 1) << ID_BITS | 5);
        assert!(last.is_marked());
        assert_eq!(last.to(7), TaggedLink(7));
        assert_eq!(last.marked_to(7), TaggedLink(MARK | 7));
        assert_eq!(TaggedLink(0).to(3), TaggedLink(1 << ID_BITS | 3));
    }

    #[cfg(not(loom))]
    #[test]
    fn a_node_is_one_cache_line() {
        assert_eq!((size_of::<Node>(), align_of::<Node>()), (64, 64));
    }

    #[test]
    fn packed_words_return_their_parts() {
        let size = LenAndGeneration::new((1 << 37) - 1, 3 + (1 << 27));
        assert_eq!(size.len(), (1 << 37) - 1);
        assert!(size.is_of(3) && !size.is_of(4));
        let place = BlockRef::new(0x7fff_ffff, 9);
        assert_eq!((place.first(), place.order()), (0x7fff_ffff, 9));
        let state = NodeState(0).next().reusable(true).annotated(true).used();
        assert!(state.is_filled() && state.is_used() && state.is_reusable());
        assert!(state.is_annotated() && !NodeState(0).annotated(false).is_annotated());
        assert_eq!(state.next(), NodeState(2 << VERSION_SHIFT));
        assert!(state.next().lingering().is_lingering() && !state.next().is_lingering());
    }
}
