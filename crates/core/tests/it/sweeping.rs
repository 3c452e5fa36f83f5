//! Sweeps, which remove expired entries that no call reads.

use std::sync::Arc;
use std::time::Duration;

use crate::common::*;
use tls_resumption_core::{Cache, Clock, ManualClock, SweepInterval};

#[test]
fn a_sweep_removes_only_expired_entries() {
    let (cache, clock) = cache_and_clock(|b| b);
    for n in 0..10 {
        cache.put(key(&format!("short {n}")), b"1", living(10)).unwrap();
        put(&cache, &format!("long {n}"), "2");
    }
    assert_eq!(cache.sweep(), 0);
    clock.advance(millis(10));
    assert_eq!(cache.len(), 20);

    assert_eq!(cache.sweep(), 10);
    assert_eq!(cache.len(), 10);
    let stats = cache.stats();
    assert_eq!((stats.expirations, stats.sweeps, stats.misses), (10, 2, 0));
}

#[test]
fn a_sweep_of_many_steps_is_one_sweep() {
    for entries in [255, 256, 257, 1_000] {
        let (cache, clock) = cache_and_clock(|b| b.ttl(ttl(10)));
        for n in 0..entries {
            put(&cache, &n.to_string(), "1");
        }
        clock.advance(millis(10));
        let before = cache.stats().sweeps;
        assert_eq!(cache.sweep(), entries);
        assert_eq!(cache.stats().sweeps, before + 1);
    }
}

#[test]
fn every_hundredth_insertion_sweeps() {
    let (cache, clock) = cache_and_clock(|b| b);
    cache.put(key("short"), b"1", living(10)).unwrap();
    clock.advance(millis(10));
    for n in 2..100 {
        put(&cache, &n.to_string(), "2");
    }
    assert_eq!((cache.len(), cache.stats().sweeps), (99, 0));

    put(&cache, "hundredth", "3");
    assert_eq!((cache.len(), cache.stats().sweeps), (99, 1));
    for n in 0..100 {
        add(&cache, &n.to_string(), "4");
    }
    assert_eq!(cache.stats().sweeps, 2);
}

#[test]
fn a_rejected_insertion_does_not_count_towards_a_sweep() {
    let cache = cache(|b| b);
    for n in 0..99 {
        put(&cache, &n.to_string(), "1");
    }
    cache.put(key("empty"), b"", plain()).unwrap_err();
    assert_eq!(cache.stats().sweeps, 0);
}

fn swept_in_background(clock: Arc<dyn Clock>) -> Cache {
    Cache::builder().ttl(ttl(10)).sweep_interval(SweepInterval::MIN).clock(clock).build()
}

#[test]
fn the_background_sweep_removes_entries_that_no_call_reads() {
    let clock = Arc::new(ManualClock::new());
    let cache = swept_in_background(clock.clone());
    for n in 0..1_000 {
        put(&cache, &n.to_string(), "1");
    }
    assert_eq!(cache.len(), 1_000);
    clock.advance(millis(10));

    wait_until("all expired entries are gone", || cache.is_empty());
    assert_eq!(cache.stats().expirations, 1_000);
}

#[test]
fn the_background_sweep_respects_the_interval_of_each_cache() {
    let clock = Arc::new(ManualClock::new());
    let rare = Cache::builder().sweep_interval(SweepInterval::MAX).build();
    let often: Vec<_> = (0..10).map(|_| swept_in_background(clock.clone())).collect();

    for cache in &often {
        wait_until("each was swept repeatedly", || cache.stats().sweeps >= 3);
    }
    assert_eq!(rare.stats().sweeps, 0);
}

#[test]
fn a_short_interval_does_not_wait_for_a_long_one() {
    let _rare = Cache::builder().sweep_interval(SweepInterval::MAX).build();
    std::thread::sleep(millis(20));
    let often = swept_in_background(Arc::new(ManualClock::new()));
    wait_until("it was swept", || often.stats().sweeps > 0);
}

#[test]
fn without_an_interval_there_is_no_background_sweep() {
    let (cache, clock) = cache_and_clock(|b| b.ttl(ttl(10)));
    put(&cache, "a", "1");
    clock.advance(millis(10));
    let other = swept_in_background(clock);
    wait_until("another cache was swept", || other.stats().sweeps >= 10);
    assert_eq!(cache.len(), 1);
}

#[test]
fn the_background_thread_keeps_no_dropped_cache() {
    for interval in [SweepInterval::MIN, SweepInterval::MAX] {
        let clock = Arc::new(ManualClock::new());
        let build = || Cache::builder().sweep_interval(interval).clock(clock.clone()).build();
        let caches: Vec<_> = (0..100).map(|_| build()).collect();
        assert!(Arc::strong_count(&clock) > 100);
        drop(caches);
        wait_until("the caches gave up their clock", || Arc::strong_count(&clock) == 1);
    }
}

#[test]
fn a_clock_that_panics_costs_other_caches_no_sweep() {
    struct Broken;
    impl Clock for Broken {
        fn now(&self) -> Duration {
            // Without the hook that would print it among the output of the tests.
            std::panic::resume_unwind(Box::new("a broken clock"));
        }
    }
    let _broken = swept_in_background(Arc::new(Broken));
    let sound = swept_in_background(Arc::new(ManualClock::new()));
    let before = sound.stats().sweeps;
    wait_until("the other cache was swept", || sound.stats().sweeps > before + 5);
}

#[test]
fn a_clock_may_use_its_cache() {
    use std::sync::OnceLock;

    struct Curious(OnceLock<std::sync::Weak<Cache>>);
    impl Clock for Curious {
        fn now(&self) -> Duration {
            let cache = self.0.get().and_then(std::sync::Weak::upgrade);
            cache.map_or(Duration::ZERO, |cache| millis(cache.len() as u64))
        }
    }
    let clock = Arc::new(Curious(OnceLock::new()));
    let cache = Arc::new(Cache::builder().sweep_interval(None).clock(clock.clone()).build());
    clock.0.set(Arc::downgrade(&cache)).unwrap();
    put(&cache, "a", "1");
    assert_eq!(get(&cache, "a"), some("1"));
}
