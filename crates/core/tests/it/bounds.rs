//! The bounds are exact.

use std::sync::atomic::{AtomicBool, Ordering};

use crate::common::*;
use tls_resumption_core::Cache;

#[test]
fn nothing_is_evicted_while_there_is_room() {
    let cache = cache(|b| b.max(max(1_000)));
    for n in 0..1_000 {
        put(&cache, &n.to_string(), "blob");
        assert_eq!(cache.len(), n + 1);
    }
    assert_eq!(cache.stats().evictions, 0);

    put(&cache, "one more", "blob");
    assert_eq!(cache.len(), 1_000);
    assert_eq!(cache.stats().evictions, 1);
}

#[test]
fn max_counts_blobs_and_not_keys() {
    let cache = cache(|b| b.max(max(3)));
    for blob in ["1", "2", "3", "4"] {
        add(&cache, "a", blob);
    }
    assert_eq!(cache.len(), 3);
    assert_eq!(cache.stats().evictions, 1);
}

#[test]
fn a_cache_of_one_entry_holds_one() {
    let cache = cache(|b| b.max(max(1)));
    put(&cache, "a", "1");
    put(&cache, "b", "2");
    assert_eq!(cache.len(), 1);
    assert_eq!(get(&cache, "b"), some("2"));
}

#[test]
fn bytes_are_counted_and_bounded() {
    let cache = cache(|b| b.max_bytes(max_bytes(10)));
    put(&cache, "a", "1234");
    put(&cache, "b", "123456");
    assert_eq!((cache.len(), cache.bytes()), (2, 10));

    put(&cache, "c", "1");
    assert_eq!((cache.len(), cache.bytes()), (2, 7));
    assert!(!cache.contains(key("a")));
}

#[test]
fn one_large_blob_evicts_as_many_as_it_needs() {
    let cache = cache(|b| b.max_bytes(max_bytes(10)));
    for name in ["a", "b", "c", "d", "e"] {
        put(&cache, name, "12");
    }
    put(&cache, "large", "12345");

    assert_eq!(cache.stats().evictions, 3);
    assert!(cache.contains(key("d")) && cache.contains(key("e")));
    assert_eq!(cache.bytes(), 9);
}

#[test]
fn replaced_entries_count_towards_the_room_of_a_put() {
    let cache = cache(|b| b.max_bytes(max_bytes(10)));
    put(&cache, "other", "12");
    put(&cache, "a", "12345678");
    put(&cache, "a", "87654321");
    assert_eq!(cache.stats().evictions, 0);
    assert!(cache.contains(key("other")));

    put(&cache, "a", "123456789");
    assert_eq!(cache.stats().evictions, 1);
    assert!(!cache.contains(key("other")));
}

#[test]
fn the_entry_that_add_removes_counts_towards_its_room() {
    let cache = cache(|b| b.max(max(3)).tickets_per_key(tickets(2)));
    put(&cache, "other", "1");
    add(&cache, "a", "1");
    add(&cache, "a", "2");
    add(&cache, "a", "3");

    let stats = cache.stats();
    assert_eq!((stats.evictions, stats.replaced, stats.size), (0, 1, 3));
    assert!(cache.contains(key("other")));
}

#[test]
fn a_blob_as_large_as_the_budget_is_stored_alone() {
    let cache = cache(|b| b.max_bytes(max_bytes(4)));
    put(&cache, "a", "1");
    put(&cache, "b", "1234");
    assert_eq!((cache.len(), cache.bytes()), (1, 4));
}

#[test]
fn no_thread_ever_sees_a_bound_exceeded() {
    const MAX: usize = 16;
    const MAX_BYTES: u64 = 100;
    let cache = cache(|b| b.max(max(MAX as u64)).max_bytes(max_bytes(MAX_BYTES)));
    let written = AtomicBool::new(false);

    let insert_a_lot = |cache: &Cache, writer: usize| {
        for n in 0..20_000_usize {
            let name = ((n * 7 + writer) % 40).to_string();
            let blob = "x".repeat(1 + n % 13);
            if n % 2 == 0 { put(cache, &name, &blob) } else { add(cache, &name, &blob) }
        }
    };
    std::thread::scope(|scope| {
        let writers: Vec<_> = (0..4)
            .map(|writer| {
                let cache = &cache;
                scope.spawn(move || insert_a_lot(cache, writer))
            })
            .collect();
        let sampler = scope.spawn(|| {
            while !written.load(Ordering::Relaxed) {
                assert!(cache.len() <= MAX);
                assert!(cache.bytes() <= MAX_BYTES);
            }
        });
        for writer in writers {
            writer.join().unwrap();
        }
        written.store(true, Ordering::Relaxed);
        sampler.join().unwrap();
    });

    assert_eq!(cache.stats().sets, 80_000);
    assert_every_entry_is_accounted_for(&cache.stats());
}
