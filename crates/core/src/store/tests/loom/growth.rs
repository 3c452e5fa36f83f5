//! Buckets that double while other threads use the list, in all interleavings.
//!
//! With two buckets, the second one begins at the hash 2¹²⁷.

use loom::sync::Arc;
use loom::thread;

use super::basic::{beside, check, get, put, store_with, take};
use crate::store::index::list::{Hash, NodeSnapshot, OrderedList};
use crate::store::index::node::Id;
use crate::store::sync::Ordering;

const BEFORE: Hash = Hash { high: 1, low: 0 };
const FIRST: Hash = Hash { high: 1 << 63, low: 0 };
const SECOND: Hash = Hash { high: 1 << 63 | 1, low: 0 };

fn list(hashes: &[Hash]) -> Arc<OrderedList> {
    let list = OrderedList::new(4, [1, 2]).unwrap();
    for hash in hashes {
        insert(&list, *hash);
    }
    Arc::new(list)
}

/// Inserts without asking for more buckets.
fn insert(list: &OrderedList, hash: Hash) {
    let id = list.nodes.allocate().unwrap();
    list.nodes[id].hash_high.store(hash.high, Ordering::Release);
    list.nodes[id].hash_low.store(hash.low, Ordering::Release);
    loop {
        let (_, end) = list.scan(hash, |(): &mut (), _| ());
        if list.link(id, &end, None) {
            return;
        }
    }
}

fn find(list: &OrderedList, hash: Hash) -> Option<NodeSnapshot<'_>> {
    list.scan(hash, |found: &mut Option<NodeSnapshot<'_>>, seen| *found = Some(*seen)).0
}

fn remove(list: &OrderedList, hash: Hash) -> Option<Id> {
    let mut seen = find(list, hash)?;
    if !list.mark(&mut seen).unwrap() {
        return None;
    }
    list.unlink(&seen, hash).unwrap();
    list.nodes.free(seen.id);
    Some(seen.id)
}

fn thread_with<T: 'static>(
    list: &Arc<OrderedList>,
    what: impl FnOnce(&OrderedList) -> T + 'static,
) -> thread::JoinHandle<T> {
    let list = Arc::clone(list);
    thread::spawn(move || what(&list))
}

fn is_there(list: &OrderedList, hash: Hash) -> bool {
    find(list, hash).is_some()
}

/// Searches from the bucket and from the beginning of the list.
fn assert_has(list: &OrderedList, hash: Hash, expected: bool) {
    assert_eq!(is_there(list, hash), expected, "{hash:?}");
    let from_the_beginning = list.count_from_the_beginning(hash);
    assert_eq!(from_the_beginning, usize::from(expected), "{hash:?}");
}

#[test]
fn a_node_behind_a_new_bucket_is_found_and_removed() {
    check(3, || {
        let list = list(&[BEFORE, FIRST]);
        list.buckets.grow_for(2);
        let opener = thread_with(&list, |list| is_there(list, SECOND));
        assert!(remove(&list, FIRST).is_some());
        insert(&list, SECOND);
        opener.join().unwrap();
        assert_has(&list, BEFORE, true);
        assert_has(&list, FIRST, false);
        assert_has(&list, SECOND, true);
    });
}

#[test]
fn two_threads_link_a_bucket_while_its_successor_changes() {
    check(2, || {
        let list = list(&[FIRST, SECOND]);
        list.buckets.grow_for(2);
        let one = thread_with(&list, |list| is_there(list, SECOND));
        let two = thread_with(&list, |list| is_there(list, SECOND));
        // From the beginning of the list, as a thread does that has not seen the growth.
        assert!(list.remove_from_the_beginning(FIRST));
        assert!(one.join().unwrap() && two.join().unwrap(), "it was linked all the time");
        assert_has(&list, FIRST, false);
        assert_has(&list, SECOND, true);
    });
}

#[test]
fn nodes_before_and_behind_a_new_bucket_change() {
    check(2, || {
        let list = list(&[BEFORE]);
        list.buckets.grow_for(2);
        let one = thread_with(&list, |list| insert(list, FIRST));
        let two = thread_with(&list, |list| insert(list, SECOND));
        assert!(remove(&list, BEFORE).is_some());
        one.join().unwrap();
        two.join().unwrap();
        assert_has(&list, BEFORE, false);
        assert_has(&list, FIRST, true);
        assert_has(&list, SECOND, true);
    });
}

#[test]
fn a_node_is_reused_behind_a_new_bucket() {
    check(3, || {
        let list = list(&[FIRST]);
        list.buckets.grow_for(2);
        let opener = thread_with(&list, |list| is_there(list, FIRST));
        assert!(list.remove_from_the_beginning(FIRST));
        // The same node, now before the bucket.
        insert(&list, BEFORE);
        opener.join().unwrap();
        assert_has(&list, FIRST, false);
        assert_has(&list, BEFORE, true);
    });
}

#[test]
fn a_growing_store_loses_no_entry() {
    check(2, || {
        let store = Arc::new(store_with(4, 1, [1, 4]));
        put(&store, b"a", 1);
        let other = beside(&store, |store| {
            put(store, b"b", 2);
            put(store, b"c", 3);
        });
        assert_eq!(get(&store, b"a"), Some(1));
        assert_eq!(take(&store, b"a"), Some(1));
        other.join().unwrap();
        let found = [b"a", b"b", b"c"].map(|key| get(&store, key));
        assert_eq!(found, [None, Some(2), Some(3)]);
        store.reconcile();
    });
}
