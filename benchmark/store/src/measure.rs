//! One measurement: a number of threads, for a time, on one cache.

use std::cell::RefCell;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Barrier};
use std::thread;
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;

use crate::mixes::Mix;
use crate::peers::{Key, Peer, Shared};

/// One step of this number is timed: reading the clock costs as much as a fast operation.
const TIMED_ONE_IN: u64 = 16;

/// How often a cache is asked how full it is.
const LOOK: Duration = Duration::from_millis(5);

pub struct Round {
    /// Operations a second, of all threads together.
    pub rate: f64,
    /// What was timed.
    pub timed: Timed,
    /// The most entries seen while the threads were at work.
    pub peak_entries: Option<usize>,
}

/// Times each call, and counts the reads that found something.
#[derive(Clone)]
pub struct Timed {
    /// Nanoseconds.
    pub latency: Histogram<u64>,
    pub reads: u64,
    pub hits: u64,
}

impl Timed {
    pub fn new() -> Self {
        let latency =
            Histogram::new_with_bounds(1, 10_000_000_000, 3).expect("the bounds are valid");
        Self { latency, reads: 0, hits: 0 }
    }

    pub fn add(&mut self, other: &Self) {
        self.latency.add(&other.latency).expect("all histograms are alike");
        self.reads += other.reads;
        self.hits += other.hits;
    }

    fn call<R>(&mut self, operation: impl FnOnce() -> R) -> R {
        let before = Instant::now();
        let result = operation();
        self.latency.saturating_record(before.elapsed().as_nanos() as u64);
        result
    }

    pub fn read(&mut self, operation: impl FnOnce() -> bool) -> bool {
        let hit = self.call(operation);
        self.reads += 1;
        self.hits += u64::from(hit);
        hit
    }
}

/// A peer that times what it is asked.
struct TimedPeer<'a>(&'a (dyn Peer + Send + Sync), RefCell<Timed>);

impl Peer for TimedPeer<'_> {
    fn get(&self, key: &Key, out: &mut [u8]) -> bool {
        self.1.borrow_mut().read(|| self.0.get(key, out))
    }

    fn take(&self, key: &Key, out: &mut [u8]) -> bool {
        self.1.borrow_mut().read(|| self.0.take(key, out))
    }

    fn set(&self, key: &Key, blob: &[u8]) {
        self.1.borrow_mut().call(|| self.0.set(key, blob));
    }

    fn len(&self) -> Option<usize> {
        self.0.len()
    }
}

pub fn fill(peer: &dyn Peer, keys: &[Key], blob: &[u8]) {
    for key in keys {
        peer.set(key, blob);
    }
}

pub fn random_keys(count: usize) -> Arc<[Key]> {
    let mut rng = fastrand::Rng::with_seed(7);
    (0..count)
        .map(|_| {
            let mut key = [0; 32];
            rng.fill(&mut key);
            key
        })
        .collect()
}

pub fn random_blob(bytes: usize) -> Arc<[u8]> {
    let mut rng = fastrand::Rng::with_seed(8);
    (0..bytes).map(|_| rng.u8(..)).collect()
}

pub fn run(
    peer: &Shared,
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
                let timed = TimedPeer(&*peer, RefCell::new(Timed::new()));
                let mut operations = 0u64;
                start.wait();
                let began = Instant::now();
                while !stop.load(Ordering::Relaxed) {
                    for _ in 0..TIMED_ONE_IN - 1 {
                        mix.step(&*peer, &keys, &blob, &mut out, &mut rng);
                    }
                    mix.step(&timed, &keys, &blob, &mut out, &mut rng);
                    operations += TIMED_ONE_IN;
                }
                (operations as f64 / began.elapsed().as_secs_f64(), timed.1.into_inner())
            })
        })
        .collect();
    start.wait();
    let began = Instant::now();
    let mut peak_entries = None;
    while began.elapsed() < time {
        peak_entries = peak_entries.max(peer.len());
        thread::sleep(LOOK.min(time));
    }
    stop.store(true, Ordering::Relaxed);
    let mut round = Round { rate: 0.0, timed: Timed::new(), peak_entries };
    for worker in workers {
        let (rate, timed) = worker.join().expect("no worker panics");
        round.rate += rate;
        round.timed.add(&timed);
    }
    round
}
