//! A store that doubles its buckets while it fills.

use std::thread;

use crate::read_mode::ReadMode;
use crate::store::Store;
use crate::store::index::list::{Hash, OrderedList};
use crate::store::sync::Ordering;
use crate::{ByteBudget, Capacity, EntryOptions, Key, Options};

fn store(max: u64) -> Store {
    let options = Options {
        max: Capacity::new(max).unwrap(),
        max_bytes: ByteBudget::new(max * 8).unwrap(),
        sweep_interval: None,
        ..Options::default()
    };
    Store::new(options).unwrap()
}

fn put(store: &Store, number: u64) {
    let name = number.to_le_bytes();
    store.put(Key::new(&name).unwrap(), &name, EntryOptions::default(), 0).unwrap();
}

fn is_whole(store: &Store, number: u64) -> bool {
    let name = number.to_le_bytes();
    let mut out = [0; 8];
    store.read(Key::new(&name).unwrap(), ReadMode::Get, &mut &mut out[..], 0).unwrap() == Some(8)
        && out == name
}

#[test]
fn walks_stay_short_while_the_store_fills() {
    let store = store(1 << 20);
    assert_eq!(store.list.buckets.in_use(), 512);
    for filled in [500, 5_000, 50_000] {
        (0..filled).for_each(|number| put(&store, number));
        // The first search behind a bucket links it.
        assert!((0..filled).all(|number| is_whole(&store, number)));
        assert_eq!(store.list.buckets.in_use(), filled.next_power_of_two().max(512));
        // As many as share a bucket by chance.
        assert!(store.list.longest_walk() <= 16, "{}", store.list.longest_walk());
    }
    store.reconcile();
}

#[test]
fn there_are_at_most_as_many_buckets_as_entries() {
    let store = store(100);
    (0..1000).for_each(|number| put(&store, number));
    assert_eq!(store.list.buckets.in_use(), 128);
    store.reconcile();
}

#[test]
fn no_entry_is_lost_while_threads_fill_the_store() {
    const EACH: u64 = 10_000;
    let store = store(8 * EACH);
    thread::scope(|scope| {
        for thread in 0..4 {
            let store = &store;
            scope.spawn(move || {
                for number in thread * EACH..(thread + 1) * EACH {
                    put(store, number);
                    assert!(is_whole(store, number));
                    assert!(is_whole(store, thread * EACH), "stored before the growth");
                }
            });
        }
    });
    assert!((0..4 * EACH).all(|number| is_whole(&store, number)));
    for number in (0..4 * EACH).step_by(997) {
        let hash = store.hash(Key::new(&number.to_le_bytes()).unwrap());
        assert_eq!(store.list.count_from_the_beginning(hash), 1, "buckets are only short cuts");
    }
    store.reconcile();
}

#[test]
fn hashes_with_an_equal_half_are_different() {
    let list = OrderedList::new(4, [1, 4]).unwrap();
    let hashes = [(7, 1), (7, 2), (8, 1)].map(|(high, low)| Hash { high, low });
    for hash in hashes {
        let id = list.allocate().unwrap();
        list.nodes[id].hash_high.store(hash.high, Ordering::Release);
        list.nodes[id].hash_low.store(hash.low, Ordering::Release);
        let ((), end) = list.scan(hash, |(): &mut (), _| ());
        assert!(list.link(id, &end, None));
    }
    for hash in hashes {
        assert_eq!(list.scan(hash, |found: &mut usize, _| *found += 1).0, 1);
        assert_eq!(list.count_from_the_beginning(hash), 1);
    }
}
