//! Which ticket an offer returns.

use crate::common::*;

#[test]
fn an_unused_ticket_is_offered_before_a_used_one() {
    let cache = cache(|b| b);
    add(&cache, "a", "1");
    add(&cache, "a", "2");
    assert_eq!(offer(&cache, "a"), some("2"));
    assert_eq!(offer(&cache, "a"), some("1"));
}

#[test]
fn without_an_unused_ticket_the_newest_is_offered_again() {
    let cache = cache(|b| b);
    add(&cache, "a", "1");
    add(&cache, "a", "2");
    assert_eq!(offer(&cache, "a"), some("2"));
    assert_eq!(offer(&cache, "a"), some("1"));
    assert_eq!(offer(&cache, "a"), some("2"));
    assert_eq!(offer(&cache, "a"), some("2"));
    assert_eq!(cache.len(), 2);
    assert_eq!(cache.stats().takes, 0);
}

#[test]
fn a_newer_ticket_is_offered_next() {
    let cache = cache(|b| b);
    add(&cache, "a", "1");
    assert_eq!(offer(&cache, "a"), some("1"));
    add(&cache, "a", "2");
    assert_eq!(offer(&cache, "a"), some("2"));
}

#[test]
fn get_does_not_mark_a_ticket_as_used() {
    let cache = cache(|b| b);
    add(&cache, "a", "1");
    add(&cache, "a", "2");
    assert_eq!(get(&cache, "a"), some("2"));
    assert_eq!(offer(&cache, "a"), some("2"));
}

#[test]
fn an_expired_unused_ticket_is_skipped() {
    let (cache, clock) = cache_and_clock(|b| b);
    cache.add(key("a"), b"short", living(10)).unwrap();
    add(&cache, "a", "long");
    assert_eq!(offer(&cache, "a"), some("long"));
    clock.advance(millis(10));
    assert_eq!(offer(&cache, "a"), some("long"));
}

#[test]
fn a_ticket_is_offered_once_when_single_use_is_set() {
    let cache = cache(|b| b.single_use(true));
    add(&cache, "a", "1");
    add(&cache, "a", "2");
    assert_eq!(offer(&cache, "a"), some("2"));
    assert_eq!(cache.len(), 1);
    assert_eq!(offer(&cache, "a"), some("1"));
    assert_eq!(offer(&cache, "a"), None);

    let stats = cache.stats();
    assert_eq!((stats.takes, stats.hits, stats.misses, stats.size), (2, 2, 1, 0));
}

#[test]
fn a_reusable_session_is_offered_repeatedly_with_single_use() {
    let cache = cache(|b| b.single_use(true));
    cache.put(key("a"), b"a TLS 1.2 session", reusable()).unwrap();
    for _ in 0..3 {
        assert_eq!(offer(&cache, "a"), some("a TLS 1.2 session"));
    }
    let stats = cache.stats();
    assert_eq!((stats.takes, stats.hits, stats.size), (0, 3, 1));
}

#[test]
fn a_single_use_ticket_is_offered_before_a_reusable_session_that_was_used() {
    let cache = cache(|b| b.single_use(true));
    add(&cache, "a", "a ticket");
    cache.add(key("a"), b"a session", reusable()).unwrap();
    assert_eq!(offer(&cache, "a"), some("a session"));
    assert_eq!(offer(&cache, "a"), some("a ticket"));
    assert_eq!(offer(&cache, "a"), some("a session"));
    assert_eq!(cache.len(), 1);
}

#[test]
fn a_reusable_session_may_be_taken() {
    let cache = cache(|b| b.single_use(true));
    cache.put(key("a"), b"a session", reusable()).unwrap();
    assert_eq!(take(&cache, "a"), some("a session"));
    assert!(cache.is_empty());
}
