//! The resident memory of a cache. A program of its own, so that nothing else in the process counts.
#![cfg(target_os = "linux")]

use std::fs;
use std::thread::sleep;
use std::time::{Duration, Instant};

use tls_resumption_core::{ByteBudget, Cache, Capacity, EntryOptions, Key};

const MB: u64 = 1 << 20;

/// Returns the resident bytes of this process.
fn resident() -> u64 {
    let rollup = fs::read_to_string("/proc/self/smaps_rollup").unwrap();
    let line = rollup.lines().find(|line| line.starts_with("Rss:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() * 1024
}

#[test]
fn memory_is_resident_only_for_stored_entries() {
    let before = resident();
    let cache = Cache::builder()
        .max(Capacity::new(10_000_000).unwrap())
        .max_bytes(ByteBudget::MAX)
        .sweep_interval(None)
        .build();
    assert!(resident() - before < MB, "empty: {}", resident() - before);

    let key = u64::to_le_bytes;
    for number in 0..50_000 {
        cache.put(Key::new(&key(number)).unwrap(), &[1; 1024], EntryOptions::default()).unwrap();
    }
    let filled = resident() - before;
    assert!(filled < 70 * MB, "50 MB of blobs in {filled}");

    // Freed memory is used again.
    for round in 1..4 {
        for number in 0..50_000 {
            let (old, new) = (key(number + (round - 1) * 50_000), key(number + round * 50_000));
            assert!(cache.take(Key::new(&old).unwrap()).is_some());
            cache.put(Key::new(&new).unwrap(), &[1; 1024], EntryOptions::default()).unwrap();
        }
    }
    assert!(resident() - before < filled + 2 * MB, "{} after {filled}", resident() - before);

    // The background thread wipes what is cleared, and gives its memory back.
    cache.clear();
    let began = Instant::now();
    while resident() - before > filled / 5 {
        assert!(began.elapsed() < Duration::from_secs(60), "{} of {filled}", resident() - before);
        sleep(Duration::from_millis(10));
    }
    for number in 0..50_000 {
        cache.put(Key::new(&key(number)).unwrap(), &[1; 1024], EntryOptions::default()).unwrap();
    }
    assert!(resident() - before < filled + 2 * MB, "used again");
}
