//! The work of one call has a bound, whatever the store has held before, and whatever other threads do.

use std::cell::Cell;

use super::preemption::scheduler::steps_of;
use crate::call_time::Now;
use crate::read_mode::{Destination, ReadMode};
use crate::store::Store;
use crate::store::conflict::with_max_conflicts;
use crate::store::counters::Removal;
use crate::{
    BufferTooSmall, ByteBudget, Capacity, EntryOptions, Key, Options, Stats, TicketsPerKey, Ttl,
};

fn store(max: u64, max_bytes: u64) -> Store {
    let options = Options {
        max: Capacity::new(max).unwrap(),
        max_bytes: ByteBudget::new(max_bytes).unwrap(),
        tickets_per_key: TicketsPerKey::new(4).unwrap(),
        sweep_interval: None,
        ..Options::default()
    };
    Store::new(options).unwrap()
}

fn put(store: &Store, number: u64, blob: &[u8]) {
    let name = number.to_le_bytes();
    store.put(Key::new(&name).unwrap(), blob, EntryOptions::default(), 0).unwrap();
}

fn remove(store: &Store, number: u64) {
    assert_eq!(store.remove(Key::new(&number.to_le_bytes()).unwrap(), 0), 1);
}

/// The steps of a put that evicts, the average of many. `small`: how many small entries the store has held before.
fn steps_of_a_put(small: u64) -> u64 {
    const PUTS: u64 = 50;
    let large = vec![1; 20_000];
    let store = store(100_000, 100 * large.len() as u64);
    (0..small).for_each(|number| put(&store, number, &[2; 30]));
    (0..500).for_each(|number| put(&store, small + number, &large));
    assert_eq!(store.len(), 100, "no small one is left");
    let steps =
        steps_of(|| (500..500 + PUTS).for_each(|number| put(&store, small + number, &large)));
    store.reconcile();
    steps / PUTS
}

#[test]
fn a_put_after_many_small_entries_makes_as_many_steps_as_in_a_fresh_store() {
    let (fresh, used) = (steps_of_a_put(0), steps_of_a_put(60_000));
    assert!(2 * used <= 3 * fresh, "{used} after {fresh}");
}

#[test]
fn a_large_store_is_cleared_in_few_steps_and_counts_what_comes_later() {
    let store = store(10_000, 1 << 20);
    (0..5_000).for_each(|number| put(&store, number, b"before"));
    let mut drain = None;
    assert!(steps_of(|| drain = store.clear()) < 20);
    let drain = drain.expect("it is too large to be wiped at once");

    assert!(steps_of(|| assert_eq!((store.len(), store.bytes()), (0, 0))) < 200);
    (0..5).for_each(|number| put(&store, number, b"later"));
    remove(&store, 3);
    let Stats { size, bytes, .. } = store.stats();
    assert_eq!((size, bytes), (4, 20), "while the others are wiped");
    assert!(!store.contains(Key::new(&3_u64.to_le_bytes()).unwrap(), 0));

    let drain = store.drain_step(drain).expect("it has more than one step");
    let another = store.clear().expect("it is as large as before");
    assert_eq!(store.len(), 0);
    put(&store, 7, b"last");
    store.finish(drain);
    store.finish(another);
    assert_eq!((store.len(), store.bytes(), store.stats().cleared), (1, 4, 5_004));
    store.reconcile();
}

/// The time. When it is read while the key has one entry, it adds another.
struct Adding<'a> {
    store: &'a Store,
    left: Cell<u32>,
    busy: Cell<bool>,
}

impl Now for &Adding<'_> {
    fn has_come(self, then: u64) -> bool {
        if self.left.get() > 0 && !self.busy.replace(true) {
            let key = Key::new(b"key").unwrap();
            if self.store.run(self.store.hash(key), 0).unwrap().0.live == 1 {
                self.left.set(self.left.get() - 1);
                self.store.add(key, b"more", EntryOptions::default(), 0).unwrap();
            }
            self.busy.set(false);
        }
        then == 0
    }

    fn end_of(self, ttl: Ttl) -> u64 {
        ttl.as_millis()
    }
}

#[test]
fn a_remove_takes_no_more_than_the_key_had_while_others_add() {
    let store = store(100, 1000);
    let key = Key::new(b"key").unwrap();
    store.add(key, b"first", EntryOptions::default(), 0).unwrap();
    let adding = Adding { store: &store, left: Cell::new(500), busy: Cell::new(false) };
    let removed = store.remove(key, &adding);
    assert!((1..=4).contains(&removed) && adding.left.get() > 400, "{removed}");
    store.reconcile();
}

/// A buffer of a caller who overwrites the entry just before it is copied.
struct Overwriting<'a> {
    store: &'a Store,
    times: u32,
    buffer: [u8; 8],
}

impl Destination for Overwriting<'_> {
    fn reserve(&mut self, needed: usize) -> Result<&mut [u8], BufferTooSmall> {
        self.times += 1;
        put(self.store, 1, &[9; 8]);
        Ok(&mut self.buffer[..needed])
    }
}

#[test]
fn a_read_ends_as_a_miss_if_the_entry_changes_each_time() {
    let store = store(100, 1000);
    put(&store, 1, &[9; 8]);
    for how in [ReadMode::Get, ReadMode::Offer, ReadMode::Take] {
        let mut out = Overwriting { store: &store, times: 0, buffer: [0; 8] };
        let name = 1_u64.to_le_bytes();
        assert_eq!(store.read(Key::new(&name).unwrap(), how, &mut out, 0), Ok(None));
        assert!(out.times >= 100, "it tried");
        assert_eq!(out.buffer, [0; 8], "nothing of what it copied stays");
    }
    assert_eq!(store.stats().misses, 3);
    store.reconcile();
}

/// The time. Each time that it is read, it moves what is directly behind the entries of the key.
#[derive(Clone, Copy)]
struct Moving<'a> {
    store: &'a Store,
    behind: &'a str,
    busy: &'a Cell<bool>,
    moves: &'a Cell<u32>,
}

impl Now for Moving<'_> {
    fn has_come(self, then: u64) -> bool {
        if !self.busy.replace(true) {
            self.moves.set(self.moves.get() + 1);
            let name = Key::new(self.behind.as_bytes()).unwrap();
            self.store.put(name, b"behind", EntryOptions::default(), 0).unwrap();
            self.busy.set(false);
        }
        then == 0
    }

    fn end_of(self, ttl: Ttl) -> u64 {
        ttl.as_millis()
    }
}

fn read(store: &Store, name: &str, how: ReadMode, now: impl Now) -> bool {
    let mut out = [0; 8];
    let read = store.read(Key::new(name.as_bytes()).unwrap(), how, &mut &mut out[..], now).unwrap();
    assert!(read.is_some() || out == [0; 8]);
    read.is_some()
}

/// Makes a store with one bucket and one entry of "key", and calls `call` with a time that makes each walk over it fail.
fn with_a_list_that_moves(call: impl Fn(&Store, Key<'_>, Moving<'_>)) {
    let options = Options { sweep_interval: None, ..Options::default() };
    let store = Store::with(options, [1; 16], [1, 1]).unwrap();
    let key = Key::new(b"key").unwrap();
    store.put(key, b"first", EntryOptions::default(), 0).unwrap();
    let hash = |name: &String| store.hash(Key::new(name.as_bytes()).unwrap());
    let mut names = (0..).map(|number: u32| number.to_string());
    let behind = names.find(|name| hash(name) > store.hash(key)).unwrap();
    let (busy, moves) = (Cell::new(false), Cell::new(0));
    let now = Moving { store: &store, behind: &behind, busy: &busy, moves: &moves };
    now.has_come(1);
    call(&store, key, now);
    assert!(moves.get() > 100, "{}", moves.get());
    store.remove(Key::new(behind.as_bytes()).unwrap(), 0);
    store.sweep(0);
    store.reconcile();
}

#[test]
fn a_call_ends_although_the_list_changes_under_each_of_its_walks() {
    for how in [ReadMode::Get, ReadMode::Offer, ReadMode::Take] {
        with_a_list_that_moves(|store, _, now| {
            assert!(!read(store, "key", how, now));
            assert!(read(store, "key", how, 0));
        });
    }
    with_a_list_that_moves(|store, key, now| {
        assert!(!store.contains(key, now));
        assert!(store.contains(key, 0));
    });
}

#[test]
fn a_removal_and_an_overwriting_put_remove_although_each_walk_fails() {
    with_a_list_that_moves(|store, key, now| {
        assert_eq!(store.remove(key, now), 1);
        assert!(!store.contains(key, 0));
    });
    with_a_list_that_moves(|store, key, now| {
        store.put(key, b"second", EntryOptions::default(), now).unwrap();
        assert!(!store.contains(key, 0), "the new one counts as evicted");
    });
    with_a_list_that_moves(|store, key, now| {
        let own = EntryOptions::default();
        let stored = store.add_annotated(key, &[1; 64], b"second", own, 0).unwrap();
        let removed = with_max_conflicts(0, || store.remove_entry(key, stored.id, now));
        assert!(removed && !store.remove_entry(key, stored.id, 0));
        assert_eq!(store.remove(key, now), 1, "the other one stays until then");
    });
}

#[test]
fn an_entry_that_another_one_displaces_while_it_is_removed_is_dead_at_once() {
    with_a_list_that_moves(|store, key, now| {
        let hash = store.hash(key);
        let mut seen = store.run(hash, 0).unwrap().0.newest.unwrap();
        with_max_conflicts(1, || {
            assert!(!store.delete_node(&mut seen, hash, Removal::Deleted, now));
        });
        assert!(!store.contains(key, 0));
        (0..100).for_each(|_| assert!(!now.has_come(1)));
    });
}

#[test]
fn an_entry_that_cannot_be_unlinked_is_wiped_at_once_and_freed_by_a_sweep() {
    let store = store(10, 10_000);
    put(&store, 1, &[9; 700]);
    let key = 1_u64.to_le_bytes();
    let key = Key::new(&key).unwrap();
    let place = store.run(store.hash(key), 0).unwrap().0.newest.unwrap().place;
    store.remove_lingering(key);
    let mut out = [1; 700];
    store.blocks.copy(place.first(), &mut out);
    assert_eq!(out, [0; 700]);
    assert_eq!((store.len(), store.bytes(), store.contains(key, 0)), (0, 0, false));
    put(&store, 2, &[8; 700]);
    let used = store.list.nodes.highest_used();
    assert_eq!((used, store.sweep(0)), (2, 0), "it is no entry");
    put(&store, 3, &[7; 700]);
    assert_eq!(store.list.nodes.highest_used(), 2, "its node is used again");
    store.sweep(0);
    store.reconcile();
}

#[test]
fn no_link_leads_to_a_lingering_node_when_it_is_used_again() {
    const ENTRIES: u64 = 9;
    for victim in 1..=ENTRIES {
        let options = Options { sweep_interval: None, ..Options::default() };
        let store = Store::with(options, [1; 16], [4, 4]).unwrap();
        (1..=ENTRIES).for_each(|number| put(&store, number, b"blob"));
        store.remove_lingering(Key::new(&victim.to_le_bytes()).unwrap());
        store.sweep(0);
        put(&store, 10 * victim, b"blob");
        assert_eq!(u64::from(store.list.nodes.highest_used()), ENTRIES);
        for number in (1..=ENTRIES).filter(|number| *number != victim).chain([10 * victim]) {
            let hash = store.hash(Key::new(&number.to_le_bytes()).unwrap());
            assert_eq!(store.list.count_from_the_beginning(hash), 1, "{number} after {victim}");
        }
        store.reconcile();
    }
}
