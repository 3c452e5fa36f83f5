//! Which entry is evicted.

use crate::common::*;

#[test]
fn the_least_recently_used_entry_is_evicted() {
    let cache = cache(|b| b.max(max(2)));
    put(&cache, "a", "1");
    put(&cache, "b", "2");
    put(&cache, "c", "3");

    assert_eq!(get(&cache, "a"), None);
    assert_eq!(get(&cache, "b"), some("2"));
    assert_eq!(get(&cache, "c"), some("3"));
    assert_eq!(cache.stats().evictions, 1);
}

#[test]
fn get_refreshes_recency() {
    let cache = cache(|b| b.max(max(2)));
    put(&cache, "a", "1");
    put(&cache, "b", "2");
    assert_eq!(get(&cache, "a"), some("1"));
    put(&cache, "c", "3");

    assert!(cache.contains(key("a")));
    assert!(!cache.contains(key("b")));
}

#[test]
fn offer_refreshes_recency() {
    let cache = cache(|b| b.max(max(2)));
    put(&cache, "a", "1");
    put(&cache, "b", "2");
    assert_eq!(offer(&cache, "a"), some("1"));
    put(&cache, "c", "3");

    assert!(cache.contains(key("a")));
    assert!(!cache.contains(key("b")));
}

#[test]
fn contains_does_not_refresh_recency() {
    let cache = cache(|b| b.max(max(2)));
    put(&cache, "a", "1");
    put(&cache, "b", "2");
    assert!(cache.contains(key("a")));
    put(&cache, "c", "3");

    assert!(!cache.contains(key("a")));
    assert!(cache.contains(key("b")));
}

#[test]
fn a_miss_does_not_refresh_recency() {
    let cache = cache(|b| b.max(max(2)));
    put(&cache, "a", "1");
    put(&cache, "b", "2");
    assert_eq!(get(&cache, "z"), None);
    put(&cache, "c", "3");

    assert!(!cache.contains(key("a")));
}

#[test]
fn a_second_put_refreshes_recency_and_evicts_nothing() {
    let cache = cache(|b| b.max(max(2)));
    put(&cache, "a", "1");
    put(&cache, "b", "2");
    put(&cache, "a", "3");
    assert_eq!(cache.stats().evictions, 0);
    put(&cache, "c", "4");

    assert_eq!(get(&cache, "a"), some("3"));
    assert!(!cache.contains(key("b")));
}

#[test]
fn recency_is_per_entry_and_not_per_key() {
    let cache = cache(|b| b.max(max(3)));
    add(&cache, "a", "old");
    add(&cache, "a", "new");
    put(&cache, "b", "2");
    assert_eq!(get(&cache, "a"), some("new"));
    put(&cache, "c", "3");

    assert_eq!(take(&cache, "a"), some("new"));
    assert_eq!(take(&cache, "a"), None);
    assert!(cache.contains(key("b")));
}
