//! The clocks of a cache.

use std::time::Duration;

use crate::common::*;
use tls_resumption_core::{Cache, Clock, ManualClock, SystemClock};

#[test]
fn a_manual_clock_moves_by_whole_milliseconds_and_stops_at_the_end() {
    let clock = ManualClock::new();
    clock.advance(Duration::from_micros(1_999));
    assert_eq!(clock.now(), millis(1));
    clock.advance(Duration::MAX);
    clock.advance(millis(1));
    assert_eq!(clock.now(), millis(u64::MAX));
}

#[test]
fn the_system_clock_advances_and_never_runs_backwards() {
    let clock = SystemClock::new();
    let mut last = clock.now();
    wait_until("it moved", || clock.now() > last);
    for _ in 0..10_000 {
        let now = clock.now();
        assert!(now >= last);
        last = now;
    }
}

#[test]
fn the_default_clock_is_that_of_the_system() {
    let cache = Cache::builder().ttl(ttl(1)).sweep_interval(None).build();
    put(&cache, "a", "1");
    wait_until("it expired", || !cache.contains(key("a")));
    assert_eq!(cache.stats().expirations, 1);
}
