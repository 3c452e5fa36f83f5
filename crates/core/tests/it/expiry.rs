//! The lifetimes of entries.

use crate::common::*;

#[test]
fn an_entry_is_absent_from_the_millisecond_of_its_expiry() {
    let (cache, clock) = cache_and_clock(|b| b.ttl(ttl(100)));
    put(&cache, "a", "1");
    clock.advance(millis(99));
    assert_eq!(get(&cache, "a"), some("1"));
    clock.advance(millis(1));
    assert_eq!(get(&cache, "a"), None);
}

#[test]
fn reading_does_not_extend_a_lifetime() {
    let (cache, clock) = cache_and_clock(|b| b.ttl(ttl(100)));
    put(&cache, "a", "1");
    for _ in 0..9 {
        clock.advance(millis(10));
        assert_eq!(get(&cache, "a"), some("1"));
        assert_eq!(offer(&cache, "a"), some("1"));
    }
    clock.advance(millis(10));
    assert_eq!(offer(&cache, "a"), None);
}

#[test]
fn an_entry_may_have_a_shorter_lifetime_than_the_cache() {
    let (cache, clock) = cache_and_clock(|b| b.ttl(ttl(100)));
    cache.put(key("a"), b"1", living(10)).unwrap();
    clock.advance(millis(9));
    assert!(cache.contains(key("a")));
    clock.advance(millis(1));
    assert!(!cache.contains(key("a")));
}

#[test]
fn an_entry_has_no_longer_lifetime_than_the_cache() {
    let (cache, clock) = cache_and_clock(|b| b.ttl(ttl(100)));
    cache.put(key("a"), b"1", living(1_000)).unwrap();
    clock.advance(millis(100));
    assert!(!cache.contains(key("a")));
}

#[test]
fn a_new_put_begins_a_new_lifetime() {
    let (cache, clock) = cache_and_clock(|b| b.ttl(ttl(100)));
    put(&cache, "a", "1");
    clock.advance(millis(60));
    put(&cache, "a", "2");
    clock.advance(millis(60));
    assert_eq!(get(&cache, "a"), some("2"));
}

#[test]
fn every_read_misses_an_expired_entry_and_removes_it() {
    type Reads = fn(&tls_resumption_core::Cache) -> bool;
    let ways: [(&str, Reads, u64); 4] = [
        ("get", |cache| get(cache, "a").is_some(), 1),
        ("offer", |cache| offer(cache, "a").is_some(), 1),
        ("take", |cache| take(cache, "a").is_some(), 1),
        ("contains", |cache| cache.contains(key("a")), 0),
    ];
    for (name, found, misses) in ways {
        let (cache, clock) = cache_and_clock(|b| b.ttl(ttl(100)));
        put(&cache, "a", "1");
        clock.advance(millis(100));

        assert_eq!(cache.len(), 1, "{name}");
        assert!(!found(&cache), "{name}");
        let stats = cache.stats();
        assert_eq!((stats.size, stats.bytes, stats.expirations), (0, 0, 1), "{name}");
        assert_eq!((stats.hits, stats.misses), (0, misses), "{name}");
    }
}

#[test]
fn a_live_ticket_is_found_behind_a_newer_expired_one() {
    let (cache, clock) = cache_and_clock(|b| b.ttl(ttl(100)));
    add(&cache, "a", "long");
    cache.add(key("a"), b"short", living(10)).unwrap();
    clock.advance(millis(10));

    assert_eq!(get(&cache, "a"), some("long"));
    let stats = cache.stats();
    assert_eq!((stats.hits, stats.misses, stats.expirations, stats.size), (1, 0, 1, 1));
}

#[test]
fn an_expired_entry_is_evicted_before_a_live_one() {
    let (cache, clock) = cache_and_clock(|b| b.max(max(2)));
    put(&cache, "lives, used least recently", "1");
    cache.put(key("expires"), b"2", living(10)).unwrap();
    clock.advance(millis(10));
    put(&cache, "new", "3");

    assert!(cache.contains(key("lives, used least recently")));
    let stats = cache.stats();
    assert_eq!((stats.evictions, stats.expirations), (0, 1));
}

#[test]
fn only_as_many_expired_entries_as_needed_are_evicted() {
    let (cache, clock) = cache_and_clock(|b| b.max(max(2)));
    cache.put(key("a"), b"1", living(20)).unwrap();
    cache.put(key("b"), b"2", living(10)).unwrap();
    clock.advance(millis(20));
    put(&cache, "c", "3");

    assert_eq!((cache.len(), cache.stats().expirations), (2, 1));
}

#[test]
fn remove_does_not_count_expired_entries() {
    let (cache, clock) = cache_and_clock(|b| b);
    add(&cache, "a", "long");
    cache.add(key("a"), b"short", living(10)).unwrap();
    clock.advance(millis(10));

    assert_eq!(cache.remove(key("a")), 1);
    let stats = cache.stats();
    assert_eq!((stats.deletes, stats.expirations), (1, 1));
}

#[test]
fn put_does_not_count_expired_entries_as_replaced() {
    let (cache, clock) = cache_and_clock(|b| b.ttl(ttl(10)).tickets_per_key(tickets(1)));
    put(&cache, "a", "1");
    clock.advance(millis(10));
    put(&cache, "a", "2");
    clock.advance(millis(10));
    add(&cache, "a", "3");

    let stats = cache.stats();
    assert_eq!((stats.replaced, stats.expirations), (0, 2));
}
