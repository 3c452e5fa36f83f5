//! Clearing removes all entries at once.

use std::time::Duration;

use crate::common::*;
use tls_resumption_core::wait_until_wiped;

#[test]
fn clear_removes_every_entry() {
    let (cache, clock) = cache_and_clock(|b| b);
    cache.put(key("expired"), b"1", living(10)).unwrap();
    clock.advance(millis(10));
    add(&cache, "a", "2");
    add(&cache, "a", "3");
    cache.clear();

    assert!(cache.is_empty());
    assert_eq!(get(&cache, "a"), None);
    let stats = cache.stats();
    assert_eq!((stats.cleared, stats.expirations, stats.size, stats.bytes), (3, 0, 0, 0));
    assert_every_entry_is_accounted_for(&stats);
}

#[test]
fn a_cleared_cache_is_usable() {
    let cache = cache(|b| b.max(max(2)));
    for name in ["a", "b", "c"] {
        put(&cache, name, "1");
    }
    cache.clear();
    cache.clear();
    for name in ["a", "b", "c"] {
        put(&cache, name, "2");
    }
    assert_eq!(cache.len(), 2);
    assert_eq!(get(&cache, "a"), None);
    assert_eq!(get(&cache, "c"), some("2"));
}

#[test]
fn no_thread_sees_a_cache_half_cleared() {
    const ENTRIES: usize = 500;
    let cache = cache(|b| b);
    for _ in 0..50 {
        for n in 0..ENTRIES {
            put(&cache, &n.to_string(), "1");
        }
        std::thread::scope(|scope| {
            let sampler = scope.spawn(|| {
                loop {
                    match cache.len() {
                        ENTRIES => std::hint::spin_loop(),
                        len => break len,
                    }
                }
            });
            cache.clear();
            assert_eq!(sampler.join().unwrap(), 0);
        });
    }
}

#[test]
fn a_large_cache_is_empty_at_once_and_wiped_in_the_background() {
    const ENTRIES: usize = 10_000;
    let cache = cache(|b| b.max(max(ENTRIES as u64)));
    for n in 0..ENTRIES {
        put(&cache, &n.to_string(), "1");
    }
    cache.clear();
    assert!(cache.is_empty());
    assert_eq!(get(&cache, "0"), None);
    put(&cache, "0", "2");
    assert_eq!((cache.len(), cache.bytes()), (1, 1));
    wait_until("all are wiped", || cache.stats().cleared == ENTRIES as u64);
    assert_eq!(get(&cache, "0"), some("2"));
    assert_every_entry_is_accounted_for(&cache.stats());
}

#[test]
fn what_a_clear_left_can_be_wiped_in_the_call() {
    const ENTRIES: usize = 10_000;
    let cache = cache(|b| b.max(max(ENTRIES as u64)));
    for n in 0..ENTRIES {
        put(&cache, &n.to_string(), "1");
    }
    cache.clear();
    cache.finish_clear();
    // The background thread may still be wiping some.
    wait_until("all are wiped", || cache.stats().cleared == ENTRIES as u64);
}

#[test]
fn the_memory_of_a_large_cache_is_wiped_after_its_last_handle() {
    let cache = cache(|b| b);
    let blob = "x".repeat(10_000);
    for n in 0..1_000 {
        put(&cache, &n.to_string(), &blob);
    }
    let other = cache.clone();
    drop(cache);
    assert_eq!(other.len(), 1_000, "a handle is left");
    drop(other);
    assert!(wait_until_wiped(Duration::from_secs(60)));
}
