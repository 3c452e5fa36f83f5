//! Taking, which gives each blob to one caller.

use std::collections::HashSet;
use std::sync::Barrier;

use crate::common::*;

#[test]
fn take_removes_what_it_returns() {
    let cache = cache(|b| b);
    put(&cache, "a", "1");
    assert_eq!(take(&cache, "a"), some("1"));
    assert_eq!(take(&cache, "a"), None);

    let stats = cache.stats();
    assert_eq!((stats.takes, stats.hits, stats.misses, stats.size, stats.bytes), (1, 1, 1, 0, 0));
}

#[test]
fn take_returns_the_newest_first() {
    let cache = cache(|b| b);
    for blob in ["1", "2", "3"] {
        add(&cache, "a", blob);
    }
    assert_eq!(take(&cache, "a"), some("3"));
    assert_eq!(take(&cache, "a"), some("2"));
    assert_eq!(take(&cache, "a"), some("1"));
    assert_eq!(take(&cache, "a"), None);
}

#[test]
fn take_does_not_skip_an_offered_ticket() {
    let cache = cache(|b| b);
    add(&cache, "a", "1");
    add(&cache, "a", "2");
    assert_eq!(offer(&cache, "a"), some("2"));
    assert_eq!(take(&cache, "a"), some("2"));
}

#[test]
fn each_blob_goes_to_exactly_one_thread() {
    const THREADS: usize = 8;
    const ROUNDS: usize = 500;
    let cache = cache(|b| b.single_use(true));
    let barrier = Barrier::new(THREADS);

    let contend = |thread: usize| {
        let mut got = Vec::new();
        for round in 0..ROUNDS {
            let name = round.to_string();
            if barrier.wait().is_leader() {
                add(&cache, &name, &format!("{round} first"));
                add(&cache, &name, &format!("{round} second"));
            }
            barrier.wait();
            // A single-use offer is as exclusive as a take.
            got.extend(if thread.is_multiple_of(2) {
                take(&cache, &name)
            } else {
                offer(&cache, &name)
            });
        }
        got
    };
    let got: Vec<String> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..THREADS)
            .map(|thread| {
                scope.spawn({
                    let contend = &contend;
                    move || contend(thread)
                })
            })
            .collect();
        threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
    });

    assert_eq!(got.len(), 2 * ROUNDS);
    assert_eq!(got.iter().collect::<HashSet<_>>().len(), 2 * ROUNDS);
    assert!(cache.is_empty());
    assert_every_entry_is_accounted_for(&cache.stats());
}
