//! One measurement: so many threads, for so long, on one cache.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Barrier};
use std::thread;
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;

use crate::mixes::Mix;
use crate::peers::{Key, Peer};

/// One operation in so many is timed: reading the clock costs as much as a fast operation.
const TIMED_ONE_IN: u64 = 16;

pub struct Round {
    /// Operations a second, of all threads together.
    pub rate: f64,
    /// Nanoseconds an operation took.
    pub latency: Histogram<u64>,
    /// The most entries seen while the threads were at work.
    pub peak_entries: usize,
}

pub fn fill(peer: &dyn Peer, keys: &[Key], blob: &[u8]) {
    for key in keys {
        peer.set(key, blob);
    }
}

pub fn run(
    peer: &Arc<dyn Peer>,
    mix: Mix,
    keys: &Arc<[Key]>,
    blob: &Arc<[u8]>,
    threads: usize,
    time: Duration,
) -> Round {
    let start = Arc::new(Barrier::new(threads + 1));
    let stop = Arc::new(AtomicBool::new(false));
    let workers: Vec<_> = (0..threads)
        .map(|index| {
            let (peer, keys, blob) = (Arc::clone(peer), Arc::clone(keys), Arc::clone(blob));
            let (start, stop) = (Arc::clone(&start), Arc::clone(&stop));
            thread::spawn(move || {
                let mut rng = fastrand::Rng::with_seed(index as u64 + 1);
                let mut out = vec![0; blob.len()];
                let mut latency = histogram();
                let mut operations = 0u64;
                start.wait();
                let began = Instant::now();
                while !stop.load(Ordering::Relaxed) {
                    for _ in 0..TIMED_ONE_IN - 1 {
                        mix.step(&*peer, &keys, &blob, &mut out, &mut rng);
                    }
                    let before = Instant::now();
                    mix.step(&*peer, &keys, &blob, &mut out, &mut rng);
                    latency.saturating_record(before.elapsed().as_nanos() as u64);
                    operations += TIMED_ONE_IN;
                }
                (operations as f64 / began.elapsed().as_secs_f64(), latency)
            })
        })
        .collect();
    start.wait();
    let began = Instant::now();
    let mut peak_entries = 0;
    while began.elapsed() < time {
        peak_entries = peak_entries.max(peer.len());
        thread::sleep(Duration::from_millis(10));
    }
    stop.store(true, Ordering::Relaxed);
    let mut round = Round { rate: 0.0, latency: histogram(), peak_entries };
    for worker in workers {
        let (rate, latency) = worker.join().expect("no worker panics");
        round.rate += rate;
        round.latency.add(&latency).expect("all histograms are alike");
    }
    round
}

pub fn histogram() -> Histogram<u64> {
    Histogram::new_with_bounds(1, 10_000_000_000, 3).expect("the bounds are valid")
}
