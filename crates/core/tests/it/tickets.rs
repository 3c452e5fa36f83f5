//! Several entries under one key.

use std::sync::atomic::{AtomicBool, Ordering};

use crate::common::*;

#[test]
fn the_newest_is_found_first() {
    let cache = cache(|b| b);
    add(&cache, "a", "1");
    add(&cache, "a", "2");
    assert_eq!(get(&cache, "a"), some("2"));
    assert_eq!(cache.len(), 2);
}

#[test]
fn beyond_the_limit_the_oldest_entry_of_the_key_is_removed() {
    let cache = cache(|b| b.tickets_per_key(tickets(2)));
    put(&cache, "b", "other");
    for blob in ["1", "2", "3"] {
        add(&cache, "a", blob);
    }
    assert_eq!(take(&cache, "a"), some("3"));
    assert_eq!(take(&cache, "a"), some("2"));
    assert_eq!(take(&cache, "a"), None);
    assert_eq!(get(&cache, "b"), some("other"));
    assert_eq!(cache.stats().replaced, 1);
}

#[test]
fn the_oldest_is_removed_even_if_it_was_used_last() {
    let cache = cache(|b| b.tickets_per_key(tickets(2)));
    add(&cache, "a", "1");
    add(&cache, "a", "2");
    assert_eq!(offer(&cache, "a"), some("2"));
    assert_eq!(offer(&cache, "a"), some("1"));
    add(&cache, "a", "3");

    assert_eq!(take(&cache, "a"), some("3"));
    assert_eq!(take(&cache, "a"), some("2"));
}

#[test]
fn an_expired_ticket_does_not_count_towards_the_limit() {
    let (cache, clock) = cache_and_clock(|b| b.tickets_per_key(tickets(2)));
    add(&cache, "a", "old");
    cache.add(key("a"), b"expires", living(10)).unwrap();
    clock.advance(millis(10));
    add(&cache, "a", "new");

    assert_eq!(take(&cache, "a"), some("new"));
    assert_eq!(take(&cache, "a"), some("old"));
    assert_eq!(cache.stats().replaced, 0);
}

#[test]
fn put_replaces_all_entries_of_only_its_key() {
    let cache = cache(|b| b);
    for blob in ["1", "2", "3"] {
        add(&cache, "a", blob);
    }
    put(&cache, "b", "other");
    put(&cache, "a", "4");

    assert_eq!(take(&cache, "a"), some("4"));
    assert_eq!(take(&cache, "a"), None);
    assert_eq!(get(&cache, "b"), some("other"));
    assert_eq!(cache.stats().replaced, 3);
}

#[test]
fn remove_removes_all_entries_of_only_its_key() {
    let cache = cache(|b| b);
    add(&cache, "a", "1");
    add(&cache, "a", "2");
    put(&cache, "b", "other");

    assert_eq!(cache.remove(key("a")), 2);
    assert_eq!(cache.remove(key("a")), 0);
    assert_eq!(get(&cache, "a"), None);
    assert_eq!(get(&cache, "b"), some("other"));
    assert_eq!(cache.stats().deletes, 2);
}

#[test]
fn keys_that_differ_in_any_way_are_different_keys() {
    let cache = cache(|b| b);
    for name in ["a", "A", "a ", "a\0", "\0a"] {
        put(&cache, name, name);
    }
    for name in ["a", "A", "a ", "a\0", "\0a"] {
        assert_eq!(get(&cache, name), some(name));
    }
}

#[test]
fn an_overwritten_key_is_present_all_the_time() {
    let cache = cache(|b| b.max(max(2)));
    let written = AtomicBool::new(false);
    put(&cache, "a", "0");

    std::thread::scope(|scope| {
        let reader = scope.spawn(|| {
            while !written.load(Ordering::Relaxed) {
                assert!(get(&cache, "a").is_some());
                assert!(cache.contains(key("a")));
            }
        });
        for n in 0..20_000 {
            put(&cache, "a", &n.to_string());
        }
        written.store(true, Ordering::Relaxed);
        reader.join().unwrap();
    });
}
