//! Two or three concurrent calls that change one key, or the room of each other, in all interleavings.
//!
//! The checker explores more if the reader is a thread that began later.

use std::time::Duration;

use super::basic::{add, beside, check, get, offer, put, store, take};
use crate::read_mode::ReadMode;
use crate::store::Store;
use crate::store::counters::Removal;
use crate::store::quota::{Quota, QuotaPool};
use crate::{EntryOptions, Key, Ttl};
use loom::sync::Arc;
use loom::thread;

fn evict_one(store: &Store) -> Quota {
    let mut quota = Quota::default();
    store.evict(Quota::entry(1), None, 0, &mut quota);
    quota
}

fn remove(store: &Store, key: &[u8]) -> usize {
    store.remove(Key::new(key).unwrap(), 0)
}

/// Lives for a millisecond.
fn put_briefly(store: &Store, key: &[u8], byte: u8) {
    let briefly =
        EntryOptions { ttl: Ttl::new(Duration::from_millis(1)), ..EntryOptions::default() };
    store.put(Key::new(key).unwrap(), &[byte; super::basic::LEN], briefly, 0).unwrap();
}

#[test]
fn of_two_puts_to_a_key_one_entry_stays() {
    check(3, || {
        let store = Arc::new(store(2, 1));
        let other = beside(&store, |store| put(store, b"a", 1));
        put(&store, b"a", 2);
        other.join().unwrap();
        assert!(matches!(get(&store, b"a"), Some(1 | 2)));
        assert_eq!(store.len(), 1, "one in the other's place");
        store.reconcile();
    });
}

#[test]
fn of_two_adds_to_a_key_both_entries_stay() {
    check(3, || {
        let store = Arc::new(store(2, 2));
        let other = beside(&store, |store| add(store, b"a", 1));
        add(&store, b"a", 2);
        other.join().unwrap();
        let both = (take(&store, b"a"), take(&store, b"a"));
        assert!(matches!(both, (Some(1), Some(2)) | (Some(2), Some(1))), "{both:?}");
        store.reconcile();
    });
}

#[test]
fn beyond_the_limit_of_a_key_the_oldest_leaves() {
    check(2, || {
        let store = Arc::new(store(4, 2));
        add(&store, b"a", 1);
        let other = beside(&store, |store| add(store, b"a", 2));
        add(&store, b"a", 3);
        other.join().unwrap();
        let left = (take(&store, b"a"), take(&store, b"a"), take(&store, b"a"));
        assert!(matches!(left, (Some(2), Some(3), None) | (Some(3), Some(2), None)), "{left:?}");
        store.reconcile();
    });
}

#[test]
fn an_evicted_entry_is_not_taken() {
    check(3, || {
        let store = Arc::new(store(1, 1));
        put(&store, b"a", 1);
        let taker = beside(&store, |store| take(store, b"a"));
        put(&store, b"b", 2);
        let taken = taker.join().unwrap();
        let stats = store.stats();
        assert_eq!(stats.takes, u64::from(taken.is_some()));
        assert_eq!(stats.sets, stats.takes + stats.evictions + stats.size);
        assert!(matches!(get(&store, b"b"), None | Some(2)));
        assert_eq!(get(&store, b"a"), None, "taken or evicted");
        store.reconcile();
    });
}

#[test]
fn an_eviction_skips_an_unlinked_entry() {
    check(2, || {
        let store = Arc::new(store(2, 1));
        put(&store, b"a", 1);
        let one = beside(&store, |store| put(store, b"b", 2));
        let two = beside(&store, evict_one);
        one.join().unwrap();
        let evicted = two.join().unwrap();
        store.quota.give_back(evicted);
        let left = [get(&store, b"a"), get(&store, b"b")].iter().flatten().count();
        assert_eq!(left, 2 - usize::from(!evicted.is_none()));
        store.reconcile();
    });
}

#[test]
fn a_sweep_spares_the_entry_that_replaces_an_expired_one() {
    check(3, || {
        let store = Arc::new(store(2, 1));
        put_briefly(&store, b"a", 1);
        let sweeper = beside(&store, |store| store.sweep_step(0, 1).0);
        let name = Key::new(b"a").unwrap();
        store.put(name, &[2; super::basic::LEN], EntryOptions::default(), 1).unwrap();
        let swept = sweeper.join().unwrap();
        assert_eq!(get(&store, b"a"), Some(2));
        let stats = store.stats();
        assert_eq!((stats.expirations, stats.replaced, stats.size), (1, 0, 1), "swept {swept}");
        store.reconcile();
    });
}

#[test]
fn a_put_that_a_clear_overtakes_spares_later_entries() {
    check(3, || {
        let store = Arc::new(store(3, 1));
        let other = beside(&store, |store| put(store, b"a", 1));
        assert!(store.clear().is_none());
        put(&store, b"a", 2);
        other.join().unwrap();
        assert!(matches!(get(&store, b"a"), Some(1 | 2)), "put after the clear, and gone");
        store.reconcile();
    });
}

#[test]
fn an_add_that_a_clear_overtakes_spares_later_entries() {
    check(3, || {
        let store = Arc::new(store(3, 2));
        let other = beside(&store, |store| add(store, b"a", 1));
        assert!(store.clear().is_none());
        put(&store, b"a", 2);
        other.join().unwrap();
        let left = [take(&store, b"a"), take(&store, b"a")];
        assert!(left.contains(&Some(2)), "put after the clear, and gone: {left:?}");
        store.reconcile();
    });
}

#[test]
fn a_clear_spares_entries_of_a_later_generation() {
    check(2, || {
        let store = Arc::new(store(2, 1));
        let other = beside(&store, |store| assert!(store.clear().is_none()));
        assert!(store.clear().is_none());
        put(&store, b"a", 1);
        let found = get(&store, b"a");
        other.join().unwrap();
        // One of the two clears may come last, but then nothing was found before.
        assert!(found == Some(1) || get(&store, b"a").is_none());
        store.reconcile();
    });
}

/// Evicts while `call` changes the only entry, and checks that each removal has an entry of its own.
fn beside_an_eviction(call: fn(&Store)) {
    check(3, move || {
        let store = Arc::new(store(2, 1));
        put(&store, b"a", 1);
        let evictor = beside(&store, |store| {
            let quota = evict_one(store);
            store.quota.give_back(quota);
            !quota.is_none()
        });
        call(&store);
        let evicted = evictor.join().unwrap();
        assert_eq!(store.stats().evictions, u64::from(evicted));
        store.reconcile();
    });
}

#[test]
fn an_eviction_and_a_take_never_share_an_entry() {
    beside_an_eviction(|store| assert!(matches!(take(store, b"a"), None | Some(1))));
}

#[test]
fn an_eviction_and_a_put_never_share_an_entry() {
    beside_an_eviction(|store| put(store, b"a", 2));
}

#[test]
fn an_eviction_and_a_remove_never_share_an_entry() {
    beside_an_eviction(|store| assert!(remove(store, b"a") <= 1));
}

#[test]
fn a_remove_and_an_add() {
    check(3, || {
        let store = Arc::new(store(3, 3));
        add(&store, b"a", 1);
        let other = beside(&store, |store| add(store, b"a", 2));
        let removed = remove(&store, b"a");
        other.join().unwrap();
        let left = take(&store, b"a");
        assert!(matches!((removed, left), (1, Some(2)) | (2, None)), "{removed} {left:?}");
        store.reconcile();
    });
}

#[test]
fn two_threads_unlink_a_node_while_its_owner_reuses_it() {
    check(1, || {
        let store = Arc::new(store(2, 1));
        put(&store, b"a", 1);
        let hash = store.hash(Key::new(b"a").unwrap());
        let marked = store.run(hash, 0).unwrap().0.newest.unwrap();
        assert!(store.list.mark_unchanged(&marked).is_ok());
        let help = move |store: &Store| store.list.scan(hash, |(), _| ()).0;
        let one = beside(&store, help);
        let two = beside(&store, help);
        let quota = store.reclaim(&marked, hash, Removal::Taken);
        store.quota.give_back(quota);
        put(&store, b"b", 2);
        one.join().unwrap();
        two.join().unwrap();
        assert_eq!((get(&store, b"a"), get(&store, b"b")), (None, Some(2)));
        store.reconcile();
    });
}

#[test]
fn of_two_sweeps_one_frees_a_lingering_node() {
    check(2, || {
        let store = Arc::new(store(2, 1));
        put(&store, b"a", 1);
        store.remove_lingering(Key::new(b"a").unwrap());
        let one = beside(&store, |store| store.sweep_step(0, 0));
        let two = beside(&store, |store| {
            store.sweep_step(0, 0);
            put(store, b"b", 2);
        });
        assert_eq!(get(&store, b"a"), None);
        one.join().unwrap();
        two.join().unwrap();
        assert_eq!(get(&store, b"b"), Some(2));
        store.reconcile();
    });
}

#[test]
fn a_node_that_begins_to_linger_beside_a_sweep_and_a_put() {
    check(2, || {
        let store = Arc::new(store(2, 1));
        put(&store, b"a", 1);
        let sweeper = beside(&store, |store| store.sweep_step(0, 0));
        let other = beside(&store, |store| put(store, b"a", 2));
        let (run, _) = store.run(store.hash(Key::new(b"a").unwrap()), 0).unwrap();
        let newest = run.newest.unwrap();
        if store.list.mark_unchanged(&newest).is_ok() {
            store.wipe_marked(&newest, Removal::Deleted);
            store.leave_lingering(&newest);
            store.quota.give_back(Quota::entry(newest.size.len()));
        }
        sweeper.join().unwrap();
        other.join().unwrap();
        assert!(matches!(get(&store, b"a"), None | Some(2)));
        store.sweep_step(0, 0);
        store.reconcile();
    });
}

#[test]
fn an_entry_that_is_made_dead_beside_a_take_and_a_put() {
    check(2, || {
        let store = Arc::new(store(2, 1));
        put(&store, b"a", 1);
        let node = store.run(store.hash(Key::new(b"a").unwrap()), 0).unwrap().0.newest.unwrap();
        let (id, version) = (node.id, node.state.version());
        let taker = beside(&store, |store| take(store, b"a"));
        let other = beside(&store, |store| put(store, b"b", 2));
        let is_dead = store.expire(id, version);
        let taken = taker.join().unwrap();
        other.join().unwrap();
        assert!(is_dead || taken == Some(1));
        assert_eq!(get(&store, b"a"), None);
        store.sweep_step(0, 0);
        // The node may have its next life with the same deadline.
        assert!(matches!(get(&store, b"b"), None | Some(2)));
        store.reconcile();
    });
}

#[test]
fn a_reader_and_a_taker_while_the_memory_is_reused() {
    check(2, || {
        let store = Arc::new(store(1, 1));
        put(&store, b"a", 1);
        let reader = beside(&store, |store| get(store, b"a"));
        assert_eq!(take(&store, b"a"), Some(1));
        // A thread of its own, so that no fence of the taker replaces one of its own.
        let other = beside(&store, |store| put(store, b"b", 2));
        assert!(matches!(reader.join().unwrap(), None | Some(1)));
        other.join().unwrap();
        assert_eq!((get(&store, b"a"), get(&store, b"b")), (None, Some(2)));
        store.reconcile();
    });
}

#[test]
fn quota_in_pieces_is_gathered_by_one_thread_or_given_back() {
    check(3, || {
        let apart = [Quota { entries: 1, bytes: 8 }, Quota { entries: 0, bytes: 8 }];
        let quota = Arc::new(QuotaPool::apart(&apart));
        let all = Quota { entries: 1, bytes: 16 };
        let try_to_gather = move |quota: &QuotaPool| {
            let mut have = Quota::default();
            let has_all = quota.gather(all, &mut have);
            let held = quota.held();
            assert_eq!(held.and(have), have, "no other thread has what this one has");
            quota.give_back(have);
            has_all
        };
        let other = {
            let quota = Arc::clone(&quota);
            thread::spawn(move || try_to_gather(&quota))
        };
        try_to_gather(&quota);
        other.join().unwrap();
        assert_eq!(quota.held(), Quota::default());
        assert!(try_to_gather(&quota), "none is lost");
    });
}

#[test]
fn the_last_quota_is_never_lost() {
    // Never more than one entry, and no quota is lost.
    check(2, || {
        let store = Arc::new(store(1, 2));
        let one = beside(&store, |store| add(store, b"a", 1));
        let two = beside(&store, Store::len);
        add(&store, b"a", 2);
        one.join().unwrap();
        assert!(two.join().unwrap() <= 1);
        let left = (take(&store, b"a"), take(&store, b"a"));
        assert!(matches!(left, (None | Some(_), None)), "{left:?}");
        store.reconcile();
        put(&store, b"a", 3);
        assert_eq!(get(&store, b"a"), Some(3), "the quota came back");
    });
}

#[test]
fn of_a_single_use_offer_and_a_take_one_gets_the_ticket() {
    check(3, || {
        let mut store = store(2, 2);
        store.options.single_use = true;
        let store = Arc::new(store);
        add(&store, b"a", 1);
        let other = beside(&store, |store| offer(store, b"a"));
        let mine = take(&store, b"a");
        let its = other.join().unwrap();
        assert!(matches!((mine, its), (Some(1), None) | (None, Some(1))));
        store.reconcile();
    });
}

#[test]
fn a_blob_too_large_for_the_buffer_stays() {
    check(3, || {
        let store = Arc::new(store(2, 1));
        put(&store, b"a", 1);
        let other = beside(&store, |store| {
            let name = Key::new(b"a").unwrap();
            store.read(name, ReadMode::Take, &mut &mut [0; 8][..], 0)
        });
        put(&store, b"a", 2);
        assert!(other.join().unwrap().is_err());
        assert_eq!(get(&store, b"a"), Some(2));
        store.reconcile();
    });
}
