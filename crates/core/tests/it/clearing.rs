//! Clearing forgets everything at once.

use crate::common::*;

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
fn a_cleared_cache_works_on() {
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
