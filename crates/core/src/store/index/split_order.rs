//! The buckets: a table that grows without moving anything (split ordering, Shalev and Shavit 2006).
//!
//! All nodes are in one list, ordered by hash. A bucket is a word of the table that is linked into that list once and
//! for good, in front of the hashes that belong to it. It is only a short cut: a walk from an earlier bucket passes it.
//! With `n` buckets in use, the number of the bucket of a hash is its first `log2 n` bits in reverse. So a bucket keeps its
//! place in the list when the number of buckets doubles, and doubling them changes one number.
//!
//! A bucket is *untouched* (its word is 0), then *sealed* (marked: the word says what will follow it, but it may not be
//! linked yet), then *open* for good. See [`OrderedList::start`](super::list::Table) for the transitions.

use super::list::Hash;
use super::node::{Id, MAX_NODES, TaggedLink};
use crate::store::memory::reserved::{OutOfAddressSpace, Reserved};
use crate::store::striped::CachePadded;
use crate::store::sync::{AtomicU64, Ordering};

/// The maximum number of buckets. Nodes use the ids below those of buckets.
pub(crate) const MAX_BUCKETS: usize = 1 << 25;

/// The number of a bucket. The first one is at the beginning of the list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Bucket(u32);

impl Bucket {
    pub(crate) const FIRST: Self = Self(0);

    /// Returns the id in a link to the bucket. No link leads to the first bucket.
    #[expect(clippy::cast_possible_truncation, reason = "ids are below 2^27")]
    pub(crate) fn id(self) -> Id {
        MAX_NODES as Id + self.0
    }

    /// Returns the bucket that an id means, or `None` if it means a node.
    #[expect(clippy::cast_possible_truncation, reason = "ids are below 2^27")]
    pub(crate) fn named(id: Id) -> Option<Self> {
        id.checked_sub(MAX_NODES as Id).map(Self)
    }

    /// Returns the first half of the least hash after the bucket.
    pub(crate) fn start(self) -> u64 {
        u64::from(self.0).reverse_bits()
    }

    /// Returns an earlier bucket. With half as many buckets, the hashes of this one belong to that one.
    pub(crate) fn parent(self) -> Self {
        Self(self.0 & !(1 << self.0.checked_ilog2().unwrap_or(0)))
    }
}

pub(crate) struct Buckets {
    words: CachePadded<Reserved<AtomicU64>>,
    /// The number of buckets in use: a power of two.
    in_use: CachePadded<AtomicU64>,
}

impl Buckets {
    /// `first`: the number in use at first; `last`: at most.
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

    /// Returns the last bucket in use before a hash.
    #[inline]
    #[expect(clippy::cast_possible_truncation, reason = "masked to less")]
    pub(crate) fn of(&self, hash: Hash) -> Bucket {
        // Relaxed: every number that was ever stored gives a bucket before the hash.
        let in_use = self.in_use.0.load(Ordering::Relaxed);
        Bucket((hash.high.reverse_bits() & (in_use - 1)) as u32)
    }

    /// Doubles the buckets in use if they are fewer than `nodes`.
    pub(crate) fn grow_for(&self, nodes: Id) {
        let nodes = u64::from(nodes);
        // Relaxed: as above. If a thread stops before the change, the owner of the next node makes it.
        if nodes > self.in_use.0.load(Ordering::Relaxed) {
            let wanted = nodes.next_power_of_two().min(self.words.0.len() as u64);
            self.in_use.0.fetch_max(wanted, Ordering::Relaxed);
        }
    }

    /// True if a walk may begin at a bucket with that word.
    pub(crate) fn is_open(bucket: Bucket, word: TaggedLink) -> bool {
        bucket == Bucket::FIRST || word != TaggedLink(0) && !word.is_marked()
    }

    /// Returns the number of buckets in use.
    #[cfg(all(test, not(loom)))]
    pub(crate) fn in_use(&self) -> u64 {
        self.in_use.0.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_is_after_its_parent_and_its_id_converts_back() {
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
    fn a_hash_is_after_its_bucket_for_any_number_of_buckets() {
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
    fn buckets_grow_with_the_nodes_up_to_their_maximum() {
        let buckets = Buckets::new([2, 16]).unwrap();
        let after = |nodes| {
            buckets.grow_for(nodes);
            buckets.in_use()
        };
        assert_eq!([1, 2, 3, 4, 5, 100, 3].map(after), [2, 2, 4, 4, 8, 16, 16]);
    }
}
