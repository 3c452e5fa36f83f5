//! A sweep while another thread reads: how long it takes, and how long it keeps the reader waiting.

mod swept;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use clap::Args;
use serde::Serialize;

use crate::measure::{Timed, random_blob, random_keys};
use crate::peers::Key;
use swept::{Swept, contestants};

const HOUR: Duration = Duration::from_secs(3600);

#[derive(Args)]
pub struct Options {
    #[arg(long, default_value_t = 65_536)]
    entries: usize,
    #[arg(long, default_value_t = 1024)]
    blob: usize,
    /// Percent of the entries that have expired.
    #[arg(long, value_delimiter = ',', default_values_t = [0, 50, 100])]
    expired: Vec<usize>,
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// Milliseconds from the beginning of a round until they expire: longer than it takes to fill all caches.
    #[arg(long, default_value_t = 2000)]
    lifetime: u64,
}

#[derive(Serialize)]
pub struct Row {
    contestant: &'static str,
    entries: usize,
    expired: usize,
    /// Nanoseconds, one per round.
    sweeps: Vec<u64>,
    /// Nanoseconds of a reader's `get` during the sweep: p50, p99, p99.9, maximum.
    latency: [u64; 4],
}

pub fn measure(options: &Options) -> Vec<Row> {
    let (keys, blob) = (random_keys(options.entries), random_blob(options.blob));
    let mut rows = Vec::new();
    for &percent in &options.expired {
        eprintln!("a sweep of {} entries, {percent} % expired", options.entries);
        let expired = options.entries * percent / 100;
        let mut of_all: Vec<_> = contestants()
            .iter()
            .map(|(contestant, _)| (*contestant, Vec::new(), Timed::new()))
            .collect();
        for _ in 0..options.rounds {
            let expiry = Instant::now() + Duration::from_millis(options.lifetime);
            let caches: Vec<_> = contestants()
                .iter()
                .map(|(_, make)| {
                    let cache = make(options.entries);
                    for (index, key) in keys.iter().enumerate() {
                        let lifetime = expiry - Instant::now();
                        cache.set(key, &blob, if index < expired { lifetime } else { HOUR });
                    }
                    cache
                })
                .collect();
            let left = expiry.checked_duration_since(Instant::now());
            // One more millisecond, since ours counts in those.
            thread::sleep(left.expect("a longer --lifetime is needed") + Duration::from_millis(2));
            for (cache, (_, sweeps, timed)) in caches.iter().zip(&mut of_all) {
                let survivors = keys[expired..].iter().chain(&keys[..expired]).copied();
                let (took, reads) = sweep(cache, survivors.collect(), blob.len());
                sweeps.push(took.as_nanos() as u64);
                timed.add(&reads);
                assert!(cache.holds_no_more_than(options.entries - expired), "it swept them all");
            }
        }
        rows.extend(of_all.into_iter().map(|(contestant, sweeps, Timed { latency, .. })| {
            let at = |quantile| latency.value_at_quantile(quantile);
            let latency = [at(0.5), at(0.99), at(0.999), latency.max()];
            Row { contestant, entries: options.entries, expired: percent, sweeps, latency }
        }));
    }
    rows
}

/// Sweeps while another thread reads the keys in turn.
fn sweep(cache: &Arc<dyn Swept + Send + Sync>, keys: Vec<Key>, blob: usize) -> (Duration, Timed) {
    let (reads, stop) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false)));
    let reader = thread::spawn({
        let (cache, reads, stop) = (Arc::clone(cache), Arc::clone(&reads), Arc::clone(&stop));
        move || {
            let (mut timed, mut out) = (Timed::new(), vec![0; blob]);
            for key in keys.iter().cycle() {
                timed.read(|| cache.get(key, &mut out));
                reads.store(true, Ordering::Relaxed);
                if stop.load(Ordering::Relaxed) {
                    break;
                }
            }
            timed
        }
    });
    while !reads.load(Ordering::Relaxed) {
        std::hint::spin_loop();
    }
    let began = Instant::now();
    cache.sweep();
    let took = began.elapsed();
    stop.store(true, Ordering::Relaxed);
    (took, reader.join().expect("the reader does not panic"))
}
