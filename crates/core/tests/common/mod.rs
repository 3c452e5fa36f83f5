//! Helpers of the tests.
#![allow(dead_code, reason = "each test file is a program of its own and uses a part")]

use std::sync::Arc;
use std::time::{Duration, Instant};

use tls_resumption_core::{
    Blob, Builder, ByteBudget, Cache, Capacity, EntryOptions, Key, ManualClock, Stats,
    TicketsPerKey, Ttl,
};

/// Makes a cache without background sweeps, whose clock the test moves.
pub fn cache_and_clock(configure: impl FnOnce(Builder) -> Builder) -> (Cache, Arc<ManualClock>) {
    let clock = Arc::new(ManualClock::new());
    let builder = Cache::builder().sweep_interval(None).clock(clock.clone());
    (configure(builder).build(), clock)
}

pub fn cache(configure: impl FnOnce(Builder) -> Builder) -> Cache {
    cache_and_clock(configure).0
}

pub fn key(name: &str) -> Key<'_> {
    Key::new(name.as_bytes()).unwrap()
}

pub fn max(entries: u64) -> Capacity {
    Capacity::new(entries).unwrap()
}

pub fn max_bytes(bytes: u64) -> ByteBudget {
    ByteBudget::new(bytes).unwrap()
}

pub fn ttl(millis: u64) -> Ttl {
    Ttl::new(Duration::from_millis(millis)).unwrap()
}

pub fn tickets(per_key: u64) -> TicketsPerKey {
    TicketsPerKey::new(per_key).unwrap()
}

pub fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

pub fn plain() -> EntryOptions {
    EntryOptions::default()
}

pub fn living(millis: u64) -> EntryOptions {
    plain().with_ttl(ttl(millis))
}

pub fn reusable() -> EntryOptions {
    plain().with_reusable(true)
}

pub fn put(cache: &Cache, name: &str, blob: &str) {
    cache.put(key(name), blob.as_bytes(), plain()).unwrap();
}

pub fn add(cache: &Cache, name: &str, blob: &str) {
    cache.add(key(name), blob.as_bytes(), plain()).unwrap();
}

pub fn get(cache: &Cache, name: &str) -> Option<String> {
    cache.get(key(name)).as_ref().map(text)
}

pub fn offer(cache: &Cache, name: &str) -> Option<String> {
    cache.offer(key(name)).as_ref().map(text)
}

pub fn take(cache: &Cache, name: &str) -> Option<String> {
    cache.take(key(name)).as_ref().map(text)
}

/// Returns an owned text, so that results compare with literals.
#[allow(clippy::unnecessary_wraps, reason = "what it stands beside is an option")]
pub fn some(text: &str) -> Option<String> {
    Some(text.to_owned())
}

fn text(blob: &Blob) -> String {
    String::from_utf8(blob.to_vec()).unwrap()
}

pub fn assert_every_entry_is_accounted_for(stats: &Stats) {
    let gone = stats.takes
        + stats.deletes
        + stats.replaced
        + stats.cleared
        + stats.evictions
        + stats.expirations;
    assert_eq!(stats.sets, gone + stats.size, "{stats:?}");
}

/// Waits for another thread. The limit only ends a test that would hang.
pub fn wait_until(what: &str, happened: impl Fn() -> bool) {
    let started = Instant::now();
    while !happened() {
        assert!(started.elapsed() < Duration::from_secs(60), "gave up waiting until {what}");
        std::thread::sleep(Duration::from_millis(1));
    }
}
