//! Nodes and blocks by themselves, and the orderings that readers depend on, in all interleavings.
//!
//! One thread frees memory and another uses it again. In a single thread, the fence of one step would replace that of the
//! other.
//!
//! One ordering cannot be tested by itself: the release stores of the fields in `prepare` come after the release fence
//! of `BlockSlab::fill`, which suffices for them. Without both
//! `an_overwritten_key_is_found_while_its_node_is_reused` fails.

use loom::sync::Arc;
use loom::sync::atomic::{AtomicU64, Ordering};
use loom::thread;

use super::basic::{LEN, beside, check, get, put, store};
use crate::store::index::list::{Hash, NodeSnapshot, OrderedList};
use crate::store::index::node::LenAndGeneration;
use crate::store::lane::{Claims, FreeNode, Lanes};
use crate::store::payload::block_slab::BlockSlab;

/// The only hash here. Memory that was never written has it too.
const HASH: Hash = Hash { high: 0, low: 0 };

#[test]
fn a_copy_of_a_reused_block_is_known_to_be_stale() {
    check(3, || {
        let blocks = Arc::new(BlockSlab::new(1).unwrap());
        let version = Arc::new(AtomicU64::new(1));
        let block = blocks.allocate(1).unwrap();
        blocks.fill(block, &[1; LEN]);
        let reader = {
            let (blocks, version) = (Arc::clone(&blocks), Arc::clone(&version));
            thread::spawn(move || {
                let mut out = [0; LEN];
                blocks.copy(block, &mut out);
                (version.load(Ordering::Acquire), out)
            })
        };
        version.store(2, Ordering::Release);
        blocks.wipe(block, LEN);
        blocks.free(block, 1);
        let other = {
            let blocks = Arc::clone(&blocks);
            thread::spawn(move || {
                let block = blocks.allocate(1).unwrap();
                blocks.fill(block, &[3; LEN]);
            })
        };
        let (version, out) = reader.join().unwrap();
        assert!(version == 2 || out == [1; LEN], "version {version} of {out:?}");
        other.join().unwrap();
    });
}

#[test]
fn a_linked_node_is_seen_with_all_its_fields() {
    check(3, || {
        let list = Arc::new(OrderedList::new(1, [1, 1]).unwrap());
        let other = {
            let list = Arc::clone(&list);
            thread::spawn(move || {
                let see = |found: &mut Option<LenAndGeneration>, seen: &NodeSnapshot<'_>| {
                    *found = Some(seen.size)
                };
                list.scan(HASH, see).0
            })
        };
        let id = list.nodes.allocate().unwrap();
        // Relaxed: the exchange that links it publishes it.
        list.nodes[id].size.store(LenAndGeneration::new(LEN as u64, 0).0, Ordering::Relaxed);
        let ((), end) = list.scan(HASH, |(), _| ());
        assert!(list.link(id, &end, None));
        let found = other.join().unwrap();
        assert!(found.is_none_or(|size| size.len() == LEN as u64), "{found:?}");
    });
}

#[test]
fn an_overwritten_key_is_found_while_its_node_is_reused() {
    check(2, || {
        let store = Arc::new(store(2, 1));
        put(&store, b"a", 1);
        let reader = beside(&store, |store| get(store, b"a"));
        put(&store, b"a", 2);
        let other = beside(&store, |store| put(store, b"b", 3));
        assert!(matches!(reader.join().unwrap(), Some(1 | 2)));
        other.join().unwrap();
        store.reconcile();
    });
}

#[test]
fn concurrent_chains_share_no_block() {
    check(2, || {
        let blocks = Arc::new(BlockSlab::new(4).unwrap());
        let pair = blocks.allocate(2).unwrap();
        let own = blocks.allocate(1).unwrap();
        blocks.free(pair, 2);
        let other = {
            let blocks = Arc::clone(&blocks);
            // The checker has blocks of two words.
            thread::spawn(move || {
                let chain = blocks.allocate(3);
                if let Some(first) = chain {
                    blocks.fill(first, &[3; 3 * LEN]);
                }
                chain
            })
        };
        blocks.free(own, 1);
        let mine = blocks.allocate(2);
        if let Some(first) = mine {
            blocks.fill(first, &[2; 2 * LEN]);
        }
        let theirs = other.join().unwrap();
        let holds = |chain: Option<u32>, blocks: &BlockSlab, byte: u8, out: &mut [u8]| {
            if let Some(first) = chain {
                blocks.copy(first, out);
                assert!(out.iter().all(|it| *it == byte), "{out:?}");
            }
        };
        holds(mine, &blocks, 2, &mut [0; 2 * LEN]);
        holds(theirs, &blocks, 3, &mut [0; 3 * LEN]);
        assert!(mine.is_some() || theirs.is_some(), "there is room for at least one of them");
    });
}

#[test]
fn no_node_has_two_owners() {
    check(3, || {
        let list = Arc::new(OrderedList::new(2, [1, 1]).unwrap());
        let (one, two) = (list.nodes.allocate().unwrap(), list.nodes.allocate().unwrap());
        list.nodes.free(one);
        list.nodes.free(two);
        let other = {
            let list = Arc::clone(&list);
            thread::spawn(move || [list.nodes.allocate(), list.nodes.allocate()])
        };
        let first = list.nodes.allocate();
        let second = list.nodes.allocate();
        if let Some(first) = first {
            list.nodes.free(first);
        }
        let theirs = other.join().unwrap();
        assert!(second.is_none_or(|second| !theirs.contains(&Some(second))));
        assert!(theirs[0].is_none() || theirs[0] != theirs[1]);
    });
}

#[test]
fn a_lane_passes_to_its_next_owner_with_its_nodes() {
    /// Takes the node of the lane, or a new one, and says in its block that it is in use until it is kept again.
    fn use_lane(claims: &Claims, lanes: &Lanes, block: &AtomicU64) {
        let Some(lane) = claims.claim() else { return };
        let new = FreeNode { id: 1, first: 1, blocks: 1 };
        let node = lanes.take(lane, 1).unwrap_or(new);
        assert_eq!(block.load(Ordering::Relaxed), 0, "the last owner wiped it");
        block.store(1, Ordering::Relaxed);
        block.store(0, Ordering::Relaxed);
        assert_eq!(lanes.keep(lane, node), None);
        claims.release(lane);
    }
    check(3, || {
        let all = Arc::new((Claims::new(), Lanes::default(), AtomicU64::new(0)));
        let other = {
            let all = Arc::clone(&all);
            thread::spawn(move || use_lane(&all.0, &all.1, &all.2))
        };
        use_lane(&all.0, &all.1, &all.2);
        other.join().unwrap();
        assert_eq!(all.1.kept().len(), 1);
    });
}
