//! Where the walks through the list begin: a table that grows without moving anything.
//!
//! All nodes are in one list in the order of their hashes. A bucket is a word of the table that was put into that
//! list once, for good, where the hashes begin that belong to it: so it is a short cut, and whoever takes an earlier
//! one comes by it (split ordering, after Shalev and Shavit, 2006). With `n` buckets in use the number of a hash's
//! bucket is its first `log2 n` bits in reverse. So a bucket stands at the same place of the list however many there
//! are, and to double them is to change one number.
//!
//! A bucket is *untouched* (the word is 0), then *sealed* (marked: it says what is to follow it, and may not be
//! linked yet), then *open* for good. See [`OrderedList::start`](super::list::Table) for the transitions.

use super::list::Hash;
use super::node::{Id, MAX_NODES, TaggedLink};
use crate::store::memory::reserved::{OutOfAddressSpace, Reserved};
use crate::store::striped::CachePadded;
use crate::store::sync::{AtomicU64, Ordering};

/// More have no name: nodes have the ids below them.
pub(crate) const MAX_BUCKETS: usize = 1 << 25;

/// The number of a bucket. The first is at the beginning of the list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Bucket(u32);

impl Bucket {
    pub(crate) const FIRST: Self = Self(0);

    /// What a link to the bucket says. Nothing leads to the first.
    #[expect(clippy::cast_possible_truncation, reason = "names are below 2^27")]
    pub(crate) fn id(self) -> Id {
        MAX_NODES as Id + self.0
    }

    /// The bucket that a link leads to, if not to a node.
    #[expect(clippy::cast_possible_truncation, reason = "names are below 2^27")]
    pub(crate) fn named(id: Id) -> Option<Self> {
        id.checked_sub(MAX_NODES as Id).map(Self)
    }

    /// The first half of the least hash that is behind it.
    pub(crate) fn start(self) -> u64 {
        u64::from(self.0).reverse_bits()
    }

    /// A bucket that stands before it: where there were half as many, this one's hashes were that one's.
    pub(crate) fn parent(self) -> Self {
        Self(self.0 & !(1 << self.0.checked_ilog2().unwrap_or(0)))
    }
}

pub(crate) struct Buckets {
    words: CachePadded<Reserved<AtomicU64>>,
    /// How many are in use: a power of two.
    in_use: CachePadded<AtomicU64>,
}

impl Buckets {
    /// `first` are in use in the beginning, and `last` at most.
    pub(crate) fn new([first, last]: [usize; 2]) -> Result<Self, OutOfAddressSpace> {
        assert!(first.is_power_of_two() && last.is_power_of_two(), "a mask picks the bucket");
        assert!(first <= last && last <= MAX_BUCKETS, "each has a name");
        Ok(Self {
            words: CachePadded(Reserved::new(last)?),
            in_use: CachePadded(AtomicU64::new(first as u64)),
        })
    }

    pub(crate) fn word(&self, bucket: Bucket) -> &AtomicU64 {
        &self.words.0[bucket.0 as usize]
    }

    /// The bucket that stands nearest before a hash, of those in use.
    #[expect(clippy::cast_possible_truncation, reason = "masked to less")]
    pub(crate) fn of(&self, hash: Hash) -> Bucket {
        // Any number there ever was does, so there is nothing to pair with.
        let in_use = self.in_use.0.load(Ordering::Relaxed);
        Bucket((hash.high.reverse_bits() & (in_use - 1)) as u32)
    }

    /// Doubles the buckets in use if there are less than `nodes`.
    pub(crate) fn grow_for(&self, nodes: Id) {
        let nodes = u64::from(nodes);
        // As above. A thread that stops before the change leaves it to whoever has the next node.
        if nodes > self.in_use.0.load(Ordering::Relaxed) {
            let wanted = nodes.next_power_of_two().min(self.words.0.len() as u64);
            self.in_use.0.fetch_max(wanted, Ordering::Relaxed);
        }
    }

    /// Whether a walk may begin at a bucket, of which `word` was read.
    pub(crate) fn is_open(bucket: Bucket, word: TaggedLink) -> bool {
        bucket == Bucket::FIRST || word != TaggedLink(0) && !word.is_marked()
    }

    /// How many are in use.
    #[cfg(all(test, not(loom)))]
    pub(crate) fn in_use(&self) -> u64 {
        self.in_use.0.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_stands_behind_its_parent_and_before_what_is_behind_that() {
        assert_eq!(Bucket(1).parent(), Bucket::FIRST);
        assert_eq!(Bucket(6).parent(), Bucket(2));
        assert_eq!((Bucket(1).start(), Bucket(3).start()), (1 << 63, 3 << 62));
        for number in 1..64 {
            let bucket = Bucket(number);
            assert!(bucket.parent().start() < bucket.start());
            assert_eq!(Bucket::named(bucket.id()), Some(bucket));
        }
        assert_eq!(Bucket::named(1), None);
    }

    #[cfg(not(loom))]
    #[test]
    fn a_hash_is_behind_its_bucket_however_many_there_are() {
        let mut seed = 1_u64;
        for buckets in [1, 2, 8, 1024] {
            let buckets = Buckets::new([buckets, buckets]).unwrap();
            for _ in 0..1000 {
                seed = seed.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(0x1405_7b7e_f767_814f);
                let hash = Hash { high: seed ^ seed >> 33, low: 0 };
                let before = |bucket: &Bucket| bucket.start() <= hash.high;
                #[expect(clippy::cast_possible_truncation, reason = "few")]
                let nearest = (0..buckets.in_use() as u32).map(Bucket).filter(before);
                assert_eq!(nearest.max_by_key(|it| it.start()), Some(buckets.of(hash)));
            }
        }
    }

    #[cfg(not(loom))]
    #[test]
    fn there_are_as_many_as_nodes_up_to_the_last() {
        let buckets = Buckets::new([2, 16]).unwrap();
        let after = |nodes| {
            buckets.grow_for(nodes);
            buckets.in_use()
        };
        assert_eq!([1, 2, 3, 4, 5, 100, 3].map(after), [2, 2, 4, 4, 8, 16, 16]);
    }
}
