//! Small histories in all interleavings, within the bounds of the checker.
//!
//! `RUSTFLAGS="--cfg loom" cargo test --release -p tls-resumption-core --lib tests::loom`

use std::time::Duration;

use loom::sync::Arc;
use loom::thread;

use crate::read_mode::ReadMode;
use crate::store::Store;
use crate::store::payload::block_slab::BlockSlab;
use crate::{ByteBudget, Capacity, EntryOptions, Key, Options, TicketsPerKey, Ttl};

/// Two words, so that a blob can be torn.
pub(super) const LEN: usize = 16;

pub(super) fn store(max: u64, per_key: u64) -> Store {
    store_with(max, per_key, [1, 1])
}

pub(super) fn store_with(max: u64, per_key: u64, buckets: [usize; 2]) -> Store {
    let options = Options {
        max: Capacity::new(max).unwrap(),
        max_bytes: ByteBudget::new(max * LEN as u64).unwrap(),
        ttl: Ttl::new(Duration::from_millis(10)).unwrap(),
        tickets_per_key: TicketsPerKey::new(per_key).unwrap(),
        single_use: false,
        sweep_interval: None,
    };
    Store::with(options, [7; 16], buckets).unwrap()
}

pub(super) fn put(store: &Store, key: &[u8], byte: u8) {
    store.put(Key::new(key).unwrap(), &[byte; LEN], EntryOptions::default(), 0).unwrap();
}

pub(super) fn add(store: &Store, key: &[u8], byte: u8) {
    store.add(Key::new(key).unwrap(), &[byte; LEN], EntryOptions::default(), 0).unwrap();
}

fn whole(out: [u8; LEN], len: Option<usize>) -> Option<u8> {
    let len = len?;
    assert_eq!(len, LEN);
    assert!(out.iter().all(|byte| *byte == out[0] && *byte != 0), "torn: {out:?}");
    Some(out[0])
}

pub(super) fn get(store: &Store, key: &[u8]) -> Option<u8> {
    let mut out = [0; LEN];
    let len = store.read(Key::new(key).unwrap(), ReadMode::Get, &mut &mut out[..], 0).unwrap();
    whole(out, len)
}

pub(super) fn take(store: &Store, key: &[u8]) -> Option<u8> {
    let mut out = [0; LEN];
    let len = store.read(Key::new(key).unwrap(), ReadMode::Take, &mut &mut out[..], 0).unwrap();
    whole(out, len)
}

pub(super) fn offer(store: &Store, key: &[u8]) -> Option<u8> {
    let mut out = [0; LEN];
    let len = store.read(Key::new(key).unwrap(), ReadMode::Offer, &mut &mut out[..], 0).unwrap();
    whole(out, len)
}

pub(super) fn check(preemptions: usize, history: impl Fn() + Send + Sync + 'static) {
    let mut model = loom::model::Builder::new();
    model.preemption_bound = Some(preemptions);
    model.max_branches = 100_000;
    model.check(history);
}

pub(super) fn beside<T: 'static>(
    store: &Arc<Store>,
    what: impl FnOnce(&Store) -> T + 'static,
) -> thread::JoinHandle<T> {
    let store = Arc::clone(store);
    thread::spawn(move || what(&store))
}

#[test]
fn of_two_takers_one_gets_the_blob() {
    check(3, || {
        let store = Arc::new(store(2, 1));
        put(&store, b"a", 1);
        let other = beside(&store, |store| take(store, b"a"));
        let mine = take(&store, b"a");
        let its = other.join().unwrap();
        assert!(matches!((mine, its), (Some(1), None) | (None, Some(1))));
        store.reconcile();
    });
}

#[test]
fn an_overwritten_key_is_never_absent() {
    check(3, || {
        let store = Arc::new(store(2, 1));
        put(&store, b"a", 1);
        let other = beside(&store, |store| put(store, b"a", 2));
        assert!(matches!(get(&store, b"a"), Some(1 | 2)));
        other.join().unwrap();
        assert_eq!(get(&store, b"a"), Some(2));
        store.reconcile();
    });
}

// The checker explores more if the reader is the thread that began later.
#[test]
fn a_reader_never_gets_a_blob_that_reuses_the_memory() {
    check(3, || {
        let store = Arc::new(store(1, 1));
        put(&store, b"a", 1);
        let reader = beside(&store, |store| get(store, b"a"));
        assert_eq!(take(&store, b"a"), Some(1));
        put(&store, b"b", 2);
        assert!(matches!(reader.join().unwrap(), None | Some(1)));
        assert_eq!((get(&store, b"a"), get(&store, b"b")), (None, Some(2)));
        store.reconcile();
    });
}

#[test]
fn a_later_reader_never_finds_an_overwritten_key_absent() {
    check(3, || {
        let store = Arc::new(store(2, 1));
        put(&store, b"a", 1);
        let reader = beside(&store, |store| get(store, b"a"));
        put(&store, b"a", 2);
        assert!(matches!(reader.join().unwrap(), Some(1 | 2)));
        store.reconcile();
    });
}

#[test]
fn a_taker_gets_the_old_or_the_new_blob() {
    check(2, || {
        let store = Arc::new(store(2, 1));
        put(&store, b"a", 1);
        let one = beside(&store, |store| take(store, b"a"));
        let two = beside(&store, |store| put(store, b"a", 2));
        let taken = one.join().unwrap();
        two.join().unwrap();
        let left = get(&store, b"a");
        assert!(
            matches!((taken, left), (Some(1), Some(2)) | (Some(2), None)),
            "{taken:?} {left:?}"
        );
        store.reconcile();
    });
}

#[test]
fn a_cache_of_one_entry_never_has_two() {
    check(3, || {
        let store = Arc::new(store(1, 1));
        let other = beside(&store, |store| put(store, b"b", 2));
        put(&store, b"a", 1);
        assert!(store.len() <= 1);
        other.join().unwrap();
        let both = (get(&store, b"a"), get(&store, b"b"));
        assert!(matches!(both, (None | Some(1), None) | (None, Some(2))), "{both:?}");
        store.reconcile();
    });
}

#[test]
fn no_block_has_two_owners() {
    // A block is freed while another thread is about to pop it, with another one below it.
    check(3, || {
        let blocks = Arc::new(BlockSlab::new(3).unwrap());
        let pair = blocks.allocate(2).unwrap();
        blocks.free(pair, 2);
        let other = {
            let blocks = Arc::clone(&blocks);
            thread::spawn(move || [blocks.allocate(1), blocks.allocate(1)])
        };
        let first = blocks.allocate(1);
        let second = blocks.allocate(1);
        if let Some(first) = first {
            blocks.free(first, 1);
        }
        let theirs = other.join().unwrap();
        assert!(second.is_none_or(|second| !theirs.contains(&Some(second))));
        assert!(theirs[0].is_none() || theirs[0] != theirs[1]);
    });
}

#[test]
fn no_entry_survives_a_later_clear() {
    check(3, || {
        let store = Arc::new(store(2, 1));
        put(&store, b"b", 1);
        let other = beside(&store, |store| put(store, b"a", 2));
        assert!(store.clear().is_none());
        assert_eq!(get(&store, b"b"), None);
        other.join().unwrap();
        store.reconcile();
        let left = get(&store, b"a");
        assert_eq!(store.len(), usize::from(left.is_some()));
    });
}

#[test]
fn a_length_never_counts_half_of_a_clear() {
    check(3, || {
        let store = Arc::new(store(2, 1));
        put(&store, b"a", 1);
        put(&store, b"b", 2);
        let other = beside(&store, Store::len);
        assert!(store.clear().is_none());
        let len = other.join().unwrap();
        assert!(matches!(len, 0 | 2), "{len}");
        assert_eq!(store.len(), 0);
    });
}

#[test]
fn two_offers_return_two_tickets() {
    check(3, || {
        let store = Arc::new(store(2, 2));
        add(&store, b"a", 1);
        add(&store, b"a", 2);
        let other = beside(&store, |store| offer(store, b"a"));
        let mine = offer(&store, b"a");
        let its = other.join().unwrap();
        assert!(matches!((mine, its), (Some(1), Some(2)) | (Some(2), Some(1))));
    });
}

#[test]
fn an_insertion_behind_an_entry_that_is_taken() {
    check(3, || {
        let store = Arc::new(store(2, 2));
        add(&store, b"a", 1);
        let other = beside(&store, |store| take(store, b"a"));
        add(&store, b"a", 2);
        let taken = other.join().unwrap();
        let left = get(&store, b"a");
        assert!(matches!((taken, left), (Some(1), Some(2)) | (Some(2), Some(1))));
        store.reconcile();
    });
}
