//! A table whose buckets double while others are at work in it, in all interleavings.
//!
//! With two buckets the second begins at the hashes from 2¹²⁷ on.

use loom::sync::Arc;
use loom::thread;

use super::basic::{beside, check, get, put, store_with, take};
use crate::store::index::list::{Hash, Seen, Table};
use crate::store::index::node::Id;
use crate::store::sync::Ordering;

const BEFORE: Hash = Hash { high: 1, low: 0 };
const FIRST: Hash = Hash { high: 1 << 63, low: 0 };
const SECOND: Hash = Hash { high: 1 << 63 | 1, low: 0 };

fn table(hashes: &[Hash]) -> Arc<Table> {
    let table = Table::new(4, [1, 2]).unwrap();
    for hash in hashes {
        insert(&table, *hash);
    }
    Arc::new(table)
}

/// Does not ask for more buckets by itself.
fn insert(table: &Table, hash: Hash) {
    let id = table.nodes.allocate().unwrap();
    table.nodes[id].hash_high.store(hash.high, Ordering::Release);
    table.nodes[id].hash_low.store(hash.low, Ordering::Release);
    loop {
        let (_, end) = table.scan(hash, |(): &mut (), _| ());
        if table.link(id, &end, None) {
            return;
        }
    }
}

fn find(table: &Table, hash: Hash) -> Option<Seen<'_>> {
    table.scan(hash, |found: &mut Option<Seen<'_>>, seen| *found = Some(*seen)).0
}

fn remove(table: &Table, hash: Hash) -> Option<Id> {
    let mut seen = find(table, hash)?;
    if !table.mark(&mut seen) {
        return None;
    }
    table.unlink(&seen, hash);
    table.nodes.free(seen.id);
    Some(seen.id)
}

fn thread_with<T: 'static>(
    table: &Arc<Table>,
    what: impl FnOnce(&Table) -> T + 'static,
) -> thread::JoinHandle<T> {
    let table = Arc::clone(table);
    thread::spawn(move || what(&table))
}

fn is_there(table: &Table, hash: Hash) -> bool {
    find(table, hash).is_some()
}

/// From the bucket and from the beginning of the list alike.
fn assert_has(table: &Table, hash: Hash, expected: bool) {
    assert_eq!(is_there(table, hash), expected, "{hash:?}");
    let from_the_beginning = table.count_from_the_beginning(hash);
    assert_eq!(from_the_beginning, usize::from(expected), "{hash:?}");
}

#[test]
fn what_is_behind_a_bucket_that_is_put_in_is_found_and_can_go() {
    check(3, || {
        let table = table(&[BEFORE, FIRST]);
        table.buckets.grow_for(2);
        let opener = thread_with(&table, |table| is_there(table, SECOND));
        assert!(remove(&table, FIRST).is_some());
        insert(&table, SECOND);
        opener.join().unwrap();
        assert_has(&table, BEFORE, true);
        assert_has(&table, FIRST, false);
        assert_has(&table, SECOND, true);
    });
}

#[test]
fn two_put_in_one_bucket_while_what_follows_it_changes() {
    check(2, || {
        let table = table(&[FIRST, SECOND]);
        table.buckets.grow_for(2);
        let one = thread_with(&table, |table| is_there(table, SECOND));
        let two = thread_with(&table, |table| is_there(table, SECOND));
        // From the beginning of the list, as by a thread that has not heard of the growth.
        assert!(table.remove_from_the_beginning(FIRST));
        assert!(one.join().unwrap() && two.join().unwrap(), "linked all the time");
        assert_has(&table, FIRST, false);
        assert_has(&table, SECOND, true);
    });
}

#[test]
fn what_goes_before_a_bucket_and_what_comes_behind_it() {
    check(2, || {
        let table = table(&[BEFORE]);
        table.buckets.grow_for(2);
        let one = thread_with(&table, |table| insert(table, FIRST));
        let two = thread_with(&table, |table| insert(table, SECOND));
        assert!(remove(&table, BEFORE).is_some());
        one.join().unwrap();
        two.join().unwrap();
        assert_has(&table, BEFORE, false);
        assert_has(&table, FIRST, true);
        assert_has(&table, SECOND, true);
    });
}

#[test]
fn a_node_used_again_behind_the_bucket_that_is_put_in() {
    check(3, || {
        let table = table(&[FIRST]);
        table.buckets.grow_for(2);
        let opener = thread_with(&table, |table| is_there(table, FIRST));
        assert!(table.remove_from_the_beginning(FIRST));
        // The same node, before the bucket now.
        insert(&table, BEFORE);
        opener.join().unwrap();
        assert_has(&table, FIRST, false);
        assert_has(&table, BEFORE, true);
    });
}

#[test]
fn a_store_that_grows_forgets_nothing() {
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
