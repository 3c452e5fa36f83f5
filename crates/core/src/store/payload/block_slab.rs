use crate::Memory;

use super::atomic_copy::{self, WORD_BYTES};
#[cfg(test)]
use crate::store::lane::FreeNode;
use crate::store::memory::reserved::{OutOfAddressSpace, Reserved};
use crate::store::striped::CachePadded;
use crate::store::sync::{AtomicU32, AtomicU64, Ordering, fence};

/// 64-bit words in a block.
#[cfg(not(loom))]
pub(crate) const BLOCK_WORDS: usize = 32;
#[cfg(loom)]
pub(crate) const BLOCK_WORDS: usize = 2;
pub(crate) const BLOCK_BYTES: usize = BLOCK_WORDS * WORD_BYTES;

/// How many free blocks in a row are given back to the system: 256 KiB. Shorter runs would split the mapping too often.
#[cfg(not(loom))]
const TRIM_RUN: usize = 1024;

/// How many blocks are popped at once to be given back, and pushed at once afterwards.
#[cfg(not(loom))]
const TRIM_CHAIN: usize = 4096;

/// The maximum number of blocks. A node has 31 bits for the number of a block.
pub(crate) const MAX_BLOCKS: usize = 1 << 31;

/// The bytes of all blobs, in chains of blocks.
///
/// The links are stored apart from the blocks, so that a walk along a chain reads no payload. A thread may read a block or a
/// link while another thread writes it. The version of the node then shows that the value must not be used.
pub(crate) struct BlockSlab {
    words: Reserved<AtomicU64>,
    /// How far behind each block the next one is, if it is not the next in memory. So the chains of blocks that are used for
    /// the first time need no links, and their part of this takes no memory.
    links: Reserved<AtomicU32>,
    free: CachePadded<AtomicU64>,
    /// The highest block that was ever used. The first one is 1.
    high_water: CachePadded<AtomicU64>,
    /// How many bits the number of a block has.
    block_bits: u32,
}

/// The head of the free list: a block, and an ABA tag that every change advances. The tag has all bits that the number of
/// a block leaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Head {
    word: u64,
    block_bits: u32,
}

impl Head {
    #[expect(
        clippy::cast_possible_truncation,
        reason = "the number of a block has at most 31 bits"
    )]
    fn block(self) -> u32 {
        (self.word & ((1 << self.block_bits) - 1)) as u32
    }

    fn to(self, block: u32) -> Self {
        let tag = (self.word >> self.block_bits) + 1;
        Self { word: tag << self.block_bits | u64::from(block), ..self }
    }
}

/// A walk along the blocks of a blob. It fetches some of them ahead, because they may be anywhere.
struct Chain<'a> {
    slab: &'a BlockSlab,
    block: u32,
    ahead: u32,
    /// How many blocks are not fetched yet.
    unfetched: usize,
}

/// A chain of no more blocks is fetched by the processor in time.
const FEW_BLOCKS: usize = 8;

/// How many blocks are fetched ahead.
const FETCHED_AHEAD: usize = 6;

impl<'a> Chain<'a> {
    fn next(&mut self) -> &'a [AtomicU64; BLOCK_WORDS] {
        let block = self.slab.block(self.block);
        self.block = self.slab.next(self.block);
        if self.unfetched > 0 {
            self.fetch_one();
        }
        block
    }

    fn fetch_one(&mut self) {
        atomic_copy::prefetch(&self.slab.block(self.ahead)[0], BLOCK_BYTES);
        self.ahead = self.slab.next(self.ahead);
        self.unfetched = self.unfetched.saturating_sub(1);
    }
}

pub(crate) fn blocks_for(len: usize) -> usize {
    len.div_ceil(BLOCK_BYTES)
}

impl BlockSlab {
    pub(crate) fn new(count: usize) -> Result<Self, OutOfAddressSpace> {
        let count = count.saturating_add(1).min(MAX_BLOCKS);
        Ok(Self {
            words: Reserved::in_steps(count.saturating_mul(BLOCK_WORDS))?,
            links: Reserved::new(count)?,
            free: CachePadded::default(),
            high_water: CachePadded::default(),
            block_bits: (count - 1).max(1).ilog2() + 1,
        })
    }

    /// Returns the first block of a chain of `count` blocks, which are zero and belong to the caller from now on. `None` if there
    /// are not enough.
    pub(crate) fn allocate(&self, count: usize) -> Option<u32> {
        // Acquire: pairs with the release in `push`. The last owner moved its version and wiped before.
        let mut head = self.head(self.free.0.load(Ordering::Acquire));
        loop {
            let (popped, last) = self.walk(head.block(), count);
            if popped == 0 {
                return self.allocate_untouched(count);
            }
            let rest = self.next(last);
            match self.free.0.compare_exchange_weak(
                head.word,
                head.to(rest).word,
                Ordering::AcqRel,
                Ordering::Acquire,
            ) {
                Ok(_) if popped == count => return Some(head.block()),
                Ok(_) => {
                    let Some(more) = self.allocate_untouched(count - popped) else {
                        self.push(head.block(), last);
                        return None;
                    };
                    self.set_next(last, more);
                    return Some(head.block());
                }
                Err(now) => head = self.head(now),
            }
        }
    }

    /// Frees a chain that was wiped.
    pub(crate) fn free(&self, first: u32, count: usize) {
        let (_, last) = self.walk(first, count);
        self.push(first, last);
    }

    /// Copies a blob into a chain that the caller owns.
    pub(crate) fn fill(&self, first: u32, blob: &[u8]) {
        // Pairs with the acquire fence in `copy`: a reader of one of these words sees that the version moved on.
        fence(Ordering::Release);
        let mut block = first;
        let (whole, rest) = blob.as_chunks::<BLOCK_BYTES>();
        for bytes in whole {
            atomic_copy::fill(self.block(block), bytes);
            block = self.next(block);
        }
        if !rest.is_empty() {
            atomic_copy::fill(self.block(block), rest);
        }
    }

    /// Copies bytes into a chain that the caller owns, after the first `skip` bytes, which are whole words.
    pub(crate) fn fill_behind(&self, first: u32, skip: usize, bytes: &[u8]) {
        // As in `fill`.
        fence(Ordering::Release);
        let (mut block, mut offset) = self.block_at(first, skip / WORD_BYTES);
        let mut rest = bytes;
        while !rest.is_empty() {
            let room = (BLOCK_WORDS - offset) * WORD_BYTES;
            let (here, behind) = rest.split_at(room.min(rest.len()));
            atomic_copy::fill(&self.block(block)[offset..], here);
            (block, offset, rest) = (self.next(block), 0, behind);
        }
    }

    /// Copies as [`copy`](Self::copy) does, after the first `skip` bytes, which are whole words.
    pub(crate) fn copy_behind(&self, first: u32, skip: usize, out: &mut [u8]) {
        let (mut block, mut offset) = self.block_at(first, skip / WORD_BYTES);
        let mut rest = out;
        while !rest.is_empty() {
            let room = (BLOCK_WORDS - offset) * WORD_BYTES;
            let (here, behind) = rest.split_at_mut(room.min(rest.len()));
            atomic_copy::copy(&self.block(block)[offset..], here);
            (block, offset, rest) = (self.next(block), 0, behind);
        }
        // As in `copy`.
        fence(Ordering::Acquire);
    }

    /// Returns the block of a chain that has a word, and the place of the word in it.
    fn block_at(&self, first: u32, word: usize) -> (u32, usize) {
        let last = (0..word / BLOCK_WORDS).fold(first, |block, _| self.next(block));
        (last, word % BLOCK_WORDS)
    }

    /// Fetches the beginning of a chain that is about to be read, as if its blocks followed one another.
    #[inline]
    pub(crate) fn prefetch(&self, first: u32, len: usize) {
        const AT_MOST: usize = 1024;
        atomic_copy::prefetch(&self.links[first as usize], 1);
        atomic_copy::prefetch(&self.block(first)[0], len.min(AT_MOST));
    }

    /// Copies a chain into `out`. If the caller does not own the chain, the copy is valid only if the version of the node
    /// has not moved afterwards.
    pub(crate) fn copy(&self, first: u32, out: &mut [u8]) {
        let mut block = first;
        let (whole, rest) = out.as_chunks_mut::<BLOCK_BYTES>();
        for bytes in whole {
            atomic_copy::copy(self.block(block), bytes);
            block = self.next(block);
        }
        if !rest.is_empty() {
            atomic_copy::copy(self.block(block), rest);
        }
        // Pairs with the release fences in `fill` and `wipe`: a load of the version after this sees that it moved.
        fence(Ordering::Acquire);
    }

    /// Zeroes the blob in a chain that the caller owns.
    pub(crate) fn wipe(&self, first: u32, len: usize) {
        // Pairs with the acquire fence in `copy`: a reader of one of these zeros sees that the version moved on.
        fence(Ordering::Release);
        let mut chain = self.chain(first, len);
        for _ in 0..len / BLOCK_BYTES {
            atomic_copy::wipe(chain.next());
        }
        let rest = len % BLOCK_BYTES;
        if rest > 0 {
            atomic_copy::wipe(&chain.next()[..rest.div_ceil(WORD_BYTES)]);
        }
    }

    /// Walks the blocks of a blob.
    fn chain(&self, first: u32, len: usize) -> Chain<'_> {
        let mut chain =
            Chain { slab: self, block: first, ahead: first, unfetched: blocks_for(len) };
        if chain.unfetched > FEW_BLOCKS {
            (0..FETCHED_AHEAD).for_each(|_| chain.fetch_one());
        } else {
            chain.unfetched = 0;
        }
        chain
    }

    /// Zeroes all blocks that were ever used, in one pass. No thread may use them any more.
    #[expect(clippy::cast_possible_truncation, reason = "bounded by the number of blocks")]
    pub(crate) fn wipe_all(&self) {
        // Relaxed: a number only. The caller is the last one.
        let blocks = self.high_water.0.load(Ordering::Relaxed) as usize + 1;
        atomic_copy::wipe(&self.words[..(blocks * BLOCK_WORDS).min(self.words.len())]);
    }

    /// Gives the memory of free blocks back to the system, where they fill [`TRIM_RUN`] in a row.
    ///
    /// The blocks are popped first, so they belong to this thread. It never holds more than a third of all blocks: quota
    /// allows entries less than two thirds, so insertions do not run out of them.
    #[cfg(not(loom))]
    pub(crate) fn trim(&self) {
        let mut taken = Vec::new();
        while taken.len() < self.links.len() / 3
            && let Some((first, count)) = self.pop_some(TRIM_CHAIN)
        {
            let mut block = first;
            for _ in 0..count {
                taken.push(block);
                block = self.next(block);
            }
        }
        taken.sort_unstable();
        for run in taken.chunk_by(|one, next| one + 1 == *next) {
            if run.len() >= TRIM_RUN {
                let start = run[0] as usize * BLOCK_WORDS;
                self.words.release(start..start + run.len() * BLOCK_WORDS);
            }
        }
        for run in taken.chunks(TRIM_CHAIN) {
            for pair in run.windows(2) {
                self.set_next(pair[0], pair[1]);
            }
            if let (Some(first), Some(last)) = (run.first(), run.last()) {
                self.push(*first, *last);
            }
        }
    }

    /// The checker has no system to give memory back to.
    #[cfg(loom)]
    #[expect(clippy::unused_self, reason = "as above")]
    pub(crate) fn trim(&self) {}

    /// Pops a chain of at most `count` free blocks. Returns its first block and its length.
    #[cfg(not(loom))]
    fn pop_some(&self, count: usize) -> Option<(u32, usize)> {
        // Acquire: pairs with the release in `push`, as in `allocate`.
        let mut head = self.head(self.free.0.load(Ordering::Acquire));
        loop {
            let (popped, last) = self.walk(head.block(), count);
            if popped == 0 {
                return None;
            }
            let rest = self.next(last);
            match self.free.0.compare_exchange_weak(
                head.word,
                head.to(rest).word,
                Ordering::AcqRel,
                Ordering::Acquire,
            ) {
                Ok(_) => return Some((head.block(), popped)),
                Err(now) => head = self.head(now),
            }
        }
    }

    fn head(&self, word: u64) -> Head {
        Head { word, block_bits: self.block_bits }
    }

    fn block(&self, block: u32) -> &[AtomicU64; BLOCK_WORDS] {
        let (blocks, _) = self.words.as_chunks();
        &blocks[block as usize]
    }

    fn next(&self, block: u32) -> u32 {
        // Acquire: pairs with the release in `set_next`.
        let distance = self.links[block as usize].load(Ordering::Acquire);
        let next = block.wrapping_add(1).wrapping_add(distance);
        // A walk along a chain that others use may come to the last block of all, which has no link.
        if (next as usize) < self.links.len() { next } else { 0 }
    }

    /// Sets the next block of a block that the caller owns.
    fn set_next(&self, block: u32, next: u32) {
        let distance = next.wrapping_sub(block).wrapping_sub(1);
        // Release: a reader of the old chain that follows this link sees that the version moved.
        self.links[block as usize].store(distance, Ordering::Release);
    }

    /// Returns how many of `count` blocks a chain has, and the last of them.
    fn walk(&self, first: u32, count: usize) -> (usize, u32) {
        let (mut walked, mut last, mut block) = (0, 0, first);
        while walked < count && block != 0 {
            walked += 1;
            last = block;
            if walked < count {
                block = self.next(block);
            }
        }
        (walked, last)
    }

    fn push(&self, first: u32, last: u32) {
        let mut head = self.head(self.free.0.load(Ordering::Relaxed));
        loop {
            self.set_next(last, head.block());
            // Release: pairs with the acquire in `allocate`.
            match self.free.0.compare_exchange_weak(
                head.word,
                head.to(first).word,
                Ordering::AcqRel,
                Ordering::Relaxed,
            ) {
                Ok(_) => return,
                Err(now) => head = self.head(now),
            }
        }
    }

    #[expect(clippy::cast_possible_truncation, reason = "bounded by the number of blocks")]
    fn allocate_untouched(&self, count: usize) -> Option<u32> {
        let count = count as u64;
        let mut high_water = self.high_water.0.load(Ordering::Relaxed);
        while high_water + count < self.links.len() as u64
            && self.words.commit_up_to((high_water + count + 1) as usize * BLOCK_WORDS)
        {
            // Relaxed: nothing was ever written there.
            match self.high_water.0.compare_exchange_weak(
                high_water,
                high_water + count,
                Ordering::Relaxed,
                Ordering::Relaxed,
            ) {
                Ok(_) => {
                    self.words.lock_up_to((high_water + count + 1) as usize * BLOCK_WORDS);
                    return Some(high_water as u32 + 1);
                }
                Err(now) => high_water = now,
            }
        }
        None
    }

    pub(crate) fn memory(&self) -> Memory {
        Memory {
            // Relaxed: a number only.
            used: self.high_water.0.load(Ordering::Relaxed) * BLOCK_BYTES as u64,
            locked: self.words.locked(),
            highest_node: 0,
            excluded_from_core_dumps: self.words.is_excluded_from_core_dumps(),
        }
    }

    /// Returns how many blocks were ever used, and how many of these are free. Checks that every free one is zero. No other
    /// thread may use the slab.
    #[cfg(test)]
    pub(crate) fn count(&self) -> (u64, u64) {
        let mut free = 0;
        let mut block = self.head(self.free.0.load(Ordering::Acquire)).block();
        while block != 0 {
            free += 1;
            assert!(self.block(block).iter().all(|word| word.load(Ordering::Acquire) == 0));
            block = self.next(block);
        }
        (self.high_water.0.load(Ordering::Acquire), free)
    }

    /// Returns how many blocks a free node has that a lane keeps. Checks that they are zero.
    #[cfg(test)]
    pub(crate) fn count_kept(&self, node: FreeNode) -> u64 {
        let mut block = node.first;
        for _ in 0..node.blocks {
            assert!(self.block(block).iter().all(|word| word.load(Ordering::Acquire) == 0));
            block = self.next(block);
        }
        node.blocks as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_used_for_the_first_time_follow_one_another_and_the_last_of_all_ends_a_walk() {
        let slab = BlockSlab::new(5).unwrap();
        let chain = |first, count| {
            let next = |block: &u32| Some(slab.next(*block));
            std::iter::successors(Some(first), next).take(count).collect::<Vec<u32>>()
        };
        let (one, two) = (slab.allocate(2).unwrap(), slab.allocate(3).unwrap());
        assert_eq!((chain(one, 2), chain(two, 4)), (vec![1, 2], vec![3, 4, 5, 0]));
        slab.free(two, 3);
        slab.free(one, 2);
        assert_eq!(slab.allocate(5), Some(1));
        assert_eq!(chain(1, 6), [1, 2, 3, 4, 5, 0]);
        slab.free(1, 1);
        slab.free(5, 1);
        assert_eq!((slab.allocate(2), chain(5, 2)), (Some(5), vec![5, 1]));
    }

    #[test]
    fn the_tag_of_a_head_has_all_bits_that_blocks_leave_and_wraps_around() {
        for block_bits in [1, 20, 31] {
            let last = Head { word: u64::MAX, block_bits };
            let block = (1_u32 << (block_bits - 1)) | 1;
            assert_eq!(last.to(block).word, u64::from(block), "its tag is 0 again");
            assert_eq!(last.to(block).to(0).word >> block_bits, 1);
            assert_eq!(last.to(block).block(), block);
        }
        let bits = |count| BlockSlab::new(count).unwrap().block_bits;
        assert_eq!([1, 2, 7, 8].map(bits), [1, 2, 3, 4], "the last has the number of the count");
    }
}
