use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};
use rand_distr::{Distribution, Zipf};

/// The number of the key that is looked up.
pub type Access = u64;

pub struct Workload {
    pub name: &'static str,
    /// True if a found entry is removed, as a ticket that serves one connection.
    pub takes: bool,
    /// Makes a number of accesses, for a cache of a number of entries, from random numbers with this seed.
    pub make: fn(usize, usize, u64) -> Vec<Access>,
}

/// How many keys there are to an entry, where a workload does not say.
const KEYS: usize = 10;
/// How often a client comes falls off with its rank like this.
const CLIENTS: f64 = 0.9;

pub fn workloads() -> [Workload; 9] {
    let new = |name, takes, make| Workload { name, takes, make };
    [
        new("Zipf 0.9", false, |max, count, seed| zipf(max * KEYS, 0.9, count, seed)),
        new("Zipf 0.99", false, |max, count, seed| zipf(max * KEYS, 0.99, count, seed)),
        new("Zipf 1.0", false, |max, count, seed| zipf(max * KEYS, 1.0, count, seed)),
        new("Zipf 1.1", false, |max, count, seed| zipf(max * KEYS, 1.1, count, seed)),
        new("uniform", false, |max, count, seed| {
            let mut rng = SmallRng::seed_from_u64(seed);
            (0..count).map(|_| rng.random_range(0..2 * max as u64)).collect()
        }),
        new("loop over 1.1 times the capacity", false, |max, count, _| {
            (0..count as u64).map(|access| access % (max as u64 * 11 / 10)).collect()
        }),
        new("scan storm", false, scan_storm),
        new("take + set, room for 50 %", true, |max, count, seed| {
            zipf(max * 2, CLIENTS, count, seed)
        }),
        new("take + set, room for 90 %", true, |max, count, seed| {
            zipf(max * 10 / 9, CLIENTS, count, seed)
        }),
    ]
}

fn zipf(keys: usize, exponent: f64, count: usize, seed: u64) -> Vec<Access> {
    let ranks = Zipf::new(keys as f64, exponent).expect("both are positive");
    ranks.sample_iter(SmallRng::seed_from_u64(seed)).take(count).map(|rank| rank as u64).collect()
}

/// Zipf 1.0, and every ten capacities' worth of accesses two of keys that come this once.
fn scan_storm(max: usize, count: usize, seed: u64) -> Vec<Access> {
    let mut steady = zipf(max * KEYS, 1.0, count, seed).into_iter();
    let scanned = 1 << 40;
    (0..count)
        .map(|access| match access % (12 * max) < 2 * max {
            true => scanned + access as u64,
            false => steady.next().expect("as many as there are accesses"),
        })
        .collect()
}
