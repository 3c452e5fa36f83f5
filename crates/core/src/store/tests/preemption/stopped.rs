//! A thread that is stopped anywhere in a call delays no other thread, and nothing is lost when it continues.
//!
//! Each call is stopped before each of its steps in turn, while another thread makes every other call. A step is one use
//! of a shared word.

use std::time::Duration;

use super::scheduler::stop;
use crate::read_mode::ReadMode;
use crate::store::Store;
use crate::store::conflict::with_max_conflicts;
use crate::store::quota::Quota;
use crate::{
    ANNOTATION_LEN, ByteBudget, Capacity, EntryOptions, Key, Options, Stats, TicketsPerKey, Ttl,
};

const BLOB: usize = 300;
const NOW: u64 = 10;

fn options(max: u64) -> Options {
    Options {
        max: Capacity::new(max).unwrap(),
        max_bytes: ByteBudget::new(max * BLOB as u64).unwrap(),
        tickets_per_key: TicketsPerKey::new(2).unwrap(),
        ttl: Ttl::new(Duration::from_secs(1)).unwrap(),
        sweep_interval: None,
        single_use: false,
    }
}

/// Makes a store in which every call finds something: two tickets, a session, and an expired entry.
fn store(max: u64, single_use: bool) -> Store {
    let store = Store::with(Options { single_use, ..options(max) }, [1; 16], [1, 16]).unwrap();
    insert(&store, Store::put, "expired", 1, NOW);
    insert(&store, Store::add, "tickets", 2, 1000);
    insert(&store, Store::add, "tickets", 3, 1000);
    insert(&store, Store::put, "session", 4, 1000);
    store
}

fn key(name: &str) -> Key<'_> {
    Key::new(name.as_bytes()).unwrap()
}

type Insert = fn(&Store, Key<'_>, &[u8], EntryOptions, u64) -> Result<bool, crate::Rejected>;

fn insert(store: &Store, how: Insert, name: &str, byte: u8, ttl: u64) {
    let own = EntryOptions { ttl: Ttl::new(Duration::from_millis(ttl)), reusable: false };
    how(store, key(name), &[byte; BLOB], own, if ttl == NOW { 0 } else { NOW }).unwrap();
}

fn put(store: &Store, name: &str, byte: u8) {
    insert(store, Store::put, name, byte, 1000);
}

fn read(store: &Store, name: &str, how: ReadMode) -> Option<u8> {
    let mut out = [0; BLOB];
    let Some(len) = store.read(key(name), how, &mut &mut out[..], NOW).unwrap() else {
        assert_eq!(out, [0; BLOB], "nothing of what it began to copy");
        return None;
    };
    assert!(out[..len].iter().all(|byte| *byte == out[0] && *byte != 0), "torn");
    Some(out[0])
}

/// Makes every call, and checks its result while no other thread runs.
fn make_every_call(store: &Store) {
    let max = u64::from(store.options.max.get());
    for name in ["expired", "tickets", "session", "new"] {
        store.contains(key(name), NOW);
        for how in [ReadMode::Get, ReadMode::Offer, ReadMode::Take] {
            read(store, name, how);
        }
    }
    for number in 0..=max.min(20) {
        put(store, &number.to_string(), 10);
        insert(store, Store::add, "tickets", 11, 1000);
        assert!(store.len() as u64 <= max && store.bytes() <= max * BLOB as u64);
    }
    store.sweep(NOW);
    store.remove(key("tickets"), NOW);
    assert!(!store.contains(key("tickets"), NOW));
    assert!(store.clear().is_none());
    let Stats { size, .. } = store.stats();
    assert!(size <= 1, "the entry in the hand of the stopped thread");
    put(store, "last", 12);
}

/// Stops a call before each of its steps in turn. `spares_from`: from this step on it spares entries that the other thread
/// stores.
fn at_every_step<R: Send>(
    max: u64,
    single_use: bool,
    spares_from: Option<u64>,
    call: impl Fn(&Store) -> R + Sync,
) {
    for at in 0.. {
        let store = store(max, single_use);
        let (_, others) = stop(
            at,
            || call(&store),
            || {
                make_every_call(&store);
                read(&store, "last", ReadMode::Get)
            },
        );
        let Some(last) = others else {
            assert!(at > 1, "it has steps");
            return;
        };
        let alone = max > 1;
        assert!(last == Some(12) || !alone, "one stopped thread has one quota, at step {at}");
        if spares_from.is_some_and(|from| at >= from) {
            assert_eq!(read(&store, "last", ReadMode::Get), last, "after step {at}");
        }
        store.reconcile();
        assert!(store.clear().is_none());
        store.reconcile();
        assert_eq!((store.len(), store.bytes()), (0, 0));
    }
}

/// Stops a call in a store with room, in a full one, and in one with a single entry.
fn anywhere<R: Send>(spares_from: Option<u64>, call: impl Fn(&Store) -> R + Sync) {
    for max in [1, 4, 20] {
        at_every_step(max, false, spares_from, &call);
    }
}

#[test]
fn in_get() {
    anywhere(Some(0), |store| read(store, "session", ReadMode::Get));
    anywhere(Some(0), |store| read(store, "expired", ReadMode::Get));
}

#[test]
fn in_offer() {
    for single_use in [false, true] {
        at_every_step(20, single_use, Some(0), |store| read(store, "tickets", ReadMode::Offer));
    }
}

#[test]
fn in_take() {
    anywhere(Some(0), |store| read(store, "tickets", ReadMode::Take));
}

#[test]
fn in_contains() {
    anywhere(Some(0), |store| store.contains(key("expired"), NOW));
}

#[test]
fn in_set() {
    // In a full store it may evict, and in a store of one entry it does.
    for name in ["new", "session", "tickets", "expired"] {
        anywhere(None, |store| put(store, name, 5));
    }
}

#[test]
fn in_add() {
    for name in ["new", "session", "tickets", "expired"] {
        anywhere(None, |store| insert(store, Store::add, name, 5, 1000));
    }
}

#[test]
fn in_delete() {
    anywhere(Some(0), |store| store.remove(key("tickets"), NOW));
}

#[test]
fn in_an_annotated_insertion() {
    let own = EntryOptions { ttl: Ttl::new(Duration::from_secs(1)), reusable: false };
    let blob = [5; BLOB - ANNOTATION_LEN];
    for name in ["new", "session", "tickets", "expired"] {
        anywhere(None, |store| {
            store.add_annotated(key(name), &[5; ANNOTATION_LEN], &blob, own, NOW).unwrap();
        });
    }
}

#[test]
fn in_the_removal_of_one_entry() {
    let own = EntryOptions { ttl: Ttl::new(Duration::from_secs(1)), reusable: false };
    anywhere(None, |store| {
        let blob = [5; BLOB - ANNOTATION_LEN];
        let annotation = [5; ANNOTATION_LEN];
        let stored = store.add_annotated(key("tickets"), &annotation, &blob, own, NOW).unwrap();
        store.remove_entry(key("tickets"), stored.id, NOW);
        assert!(!store.remove_entry(key("tickets"), stored.id, NOW));
    });
}

#[test]
fn in_eviction() {
    anywhere(None, |store| {
        let mut quota = Quota::default();
        store.evict(Quota::entry(1), None, NOW, &mut quota);
        store.quota.give_back(quota);
    });
}

#[test]
fn in_a_sweep() {
    anywhere(Some(0), |store| store.sweep(NOW));
    anywhere(Some(0), |store| store.sweep_after_insert(NOW));
}

#[test]
fn in_clear() {
    anywhere(Some(1), |store| assert!(store.clear().is_none()));
}

/// The call gives up at its first conflict, and leaves the rest to a sweep.
#[test]
fn in_a_call_that_meets_too_many_conflicts() {
    let calls: [fn(&Store); 6] = [
        |store| _ = read(store, "tickets", ReadMode::Take),
        |store| put(store, "session", 5),
        |store| insert(store, Store::add, "tickets", 5, 1000),
        |store| _ = store.remove(key("tickets"), NOW),
        |store| _ = store.sweep(NOW),
        |store| _ = store.clear(),
    ];
    for call in calls {
        for max in [1, 4, 20] {
            for at in 0.. {
                let store = store(max, false);
                let give_up = || with_max_conflicts(1, || call(&store));
                let ((), others) = stop(at, give_up, || make_every_call(&store));
                if others.is_none() {
                    assert!(at > 1, "it has steps");
                    break;
                }
                store.sweep(NOW);
                store.reconcile();
            }
        }
    }
}

#[test]
fn in_growth() {
    anywhere(None, |store| {
        for name in ["one", "two", "three", "four", "five"] {
            put(store, name, 5);
        }
        let buckets = store.list.buckets.in_use();
        assert!(
            buckets > 1 || store.options.max.get() == 1,
            "with one entry there is no second node"
        );
    });
}

#[test]
fn in_stats() {
    anywhere(Some(0), |store| {
        let Stats { size, bytes, .. } = store.stats();
        let max = u64::from(store.options.max.get());
        assert!(size <= max && bytes <= max * BLOB as u64);
    });
}

/// A thread is stopped for eight lives of an entry. Tags of three bits would be the same afterwards. The lengths of the
/// lives differ.
#[test]
fn in_take_until_tags_of_three_bits_would_wrap_around() {
    let len = |byte: u8| if byte.is_multiple_of(2) { 100 } else { BLOB };
    let put = |store: &Store, byte: u8| {
        let blob = &[byte; BLOB][..len(byte)];
        store.put(key("session"), blob, EntryOptions::default(), NOW).unwrap();
    };
    let take = |store: &Store| {
        let mut out = [0; BLOB];
        let taken = store.read(key("session"), ReadMode::Take, &mut &mut out[..], NOW).unwrap();
        taken.inspect(|taken| {
            assert!(*taken == len(out[0]) && out[..*taken] == [out[0]; BLOB][..*taken], "torn");
        })
    };
    for at in 0.. {
        let store = store(20, false);
        put(&store, 1);
        let (taken, others) = stop(
            at,
            || take(&store),
            || {
                for byte in 2..10 {
                    assert!(take(&store).is_some() || byte == 2, "the stopped thread has it");
                    put(&store, byte);
                }
            },
        );
        store.reconcile();
        if others.is_none() {
            return;
        }
        assert!(taken.is_some(), "there was one almost all the time");
    }
}

/// With many entries, so that victims are sampled and quota is in pieces.
#[test]
#[ignore = "takes long: `npm run test:deep`"]
fn in_set_with_sampled_eviction() {
    for at in 0.. {
        let store = store(600, false);
        for number in 0..600 {
            put(&store, &number.to_string(), 6);
        }
        let ((), others) = stop(at, || put(&store, "new", 5), || make_every_call(&store));
        store.reconcile();
        if others.is_none() {
            assert!(at > 100);
            return;
        }
    }
}

#[test]
fn in_the_middle_of_a_copy() {
    let store = store(4, false);
    let stopped = store.run(store.hash(key("session")), NOW).unwrap().0.newest.unwrap();
    assert_eq!(read(&store, "session", ReadMode::Take), Some(4));
    let mut out = [1; BLOB];
    store.blocks.copy(stopped.place.first(), &mut out);
    assert_eq!(out, [0; BLOB], "wiped while it is read");
    put(&store, "other", 5);
    assert_ne!(store.state(stopped.id).version(), stopped.state.version());
    store.reconcile();
}
