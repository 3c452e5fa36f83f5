//! When a call that removes an entry returns, none of its bytes is left.

use std::time::Duration;

use crate::read_mode::ReadMode;
use crate::store::Store;
use crate::store::payload::block_slab::BLOCK_BYTES;
use crate::{ByteBudget, Capacity, EntryOptions, Key, Options, TicketsPerKey, Ttl};

const SECRET: u8 = 0xa5;
const LEN: usize = 3 * BLOCK_BYTES + 1;

/// Makes a store with the secret, which is the least recently used entry, and room for one more.
fn store(single_use: bool) -> Store {
    let options = Options {
        max: Capacity::new(2).unwrap(),
        max_bytes: ByteBudget::new(2 * LEN as u64).unwrap(),
        ttl: Ttl::new(Duration::from_millis(10)).unwrap(),
        tickets_per_key: TicketsPerKey::new(1).unwrap(),
        single_use,
        sweep_interval: None,
    };
    let store = Store::with(options, [1; 16], [1, 1]).unwrap();
    insert(&store, "secret", SECRET);
    store
}

fn key(name: &str) -> Key<'_> {
    Key::new(name.as_bytes()).unwrap()
}

fn insert(store: &Store, name: &str, byte: u8) {
    store.put(key(name), &[byte; LEN], EntryOptions::default(), 0).unwrap();
}

fn read(store: &Store, how: ReadMode, now: u64) -> Option<usize> {
    store.read(key("secret"), how, &mut &mut [0; LEN][..], now).unwrap()
}

/// True if a byte of the secret is in any block.
fn is_left(store: &Store) -> bool {
    let (high_water, _) = store.blocks.count();
    (1..=u32::try_from(high_water).unwrap()).any(|block| {
        let mut bytes = [0; BLOCK_BYTES];
        store.blocks.copy(block, &mut bytes);
        bytes.contains(&SECRET)
    })
}

fn is_wiped_by(single_use: bool, call: impl FnOnce(&Store)) {
    let store = store(single_use);
    assert!(is_left(&store), "it would be seen");
    call(&store);
    assert!(!is_left(&store));
    store.reconcile();
}

#[test]
fn every_removal_wipes_the_entry_before_it_returns() {
    is_wiped_by(false, |store| assert_eq!(read(store, ReadMode::Take, 0), Some(LEN)));
    is_wiped_by(true, |store| assert_eq!(read(store, ReadMode::Offer, 0), Some(LEN)));
    is_wiped_by(false, |store| assert_eq!(read(store, ReadMode::Get, 10), None));
    is_wiped_by(false, |store| assert!(!store.contains(key("secret"), 10)));
    is_wiped_by(false, |store| assert_eq!(store.remove(key("secret"), 0), 1));
    is_wiped_by(false, |store| assert_eq!(store.sweep(10), 1));
    is_wiped_by(false, |store| assert!(store.clear().is_none()));
    is_wiped_by(false, |store| insert(store, "secret", 1));
    is_wiped_by(false, |store| {
        store.add(key("secret"), &[1; LEN], EntryOptions::default(), 0).unwrap();
        assert_eq!(store.stats().replaced, 1);
    });
    is_wiped_by(false, |store| {
        insert(store, "another", 1);
        insert(store, "a third", 2);
        assert_eq!(store.stats().evictions, 1);
    });
}

#[test]
fn the_end_of_a_store_wipes_all_blocks_in_one_pass() {
    let store = store(false);
    insert(&store, "another", SECRET);
    assert!(is_left(&store));
    store.wipe();
    assert!(!is_left(&store));
}
