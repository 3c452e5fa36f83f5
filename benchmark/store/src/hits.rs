//! The hit-ratio simulator: one access after another, each a look-up that stores on a miss, or where said a `take`
//! that stores the next ticket in any case.

mod workloads;

use clap::Args;
use serde::Serialize;

use crate::peers::{CONTESTANTS, Key, Peer};
use workloads::{Access, Workload, workloads};

#[derive(Args)]
pub struct Options {
    #[arg(long, default_value_t = 10_000)]
    entries: usize,
    /// Accesses that are counted; as many come before, to warm up.
    #[arg(long, default_value_t = 1_000_000)]
    accesses: usize,
    /// Each has its own random numbers.
    #[arg(long, default_value_t = 5)]
    rounds: usize,
}

/// `lru` behind a mutex is the exact LRU.
const EXACT: &str = "Mutex<lru>";
const COMPARED: [&str; 4] = ["tls-resumption", EXACT, "quick_cache", "moka, LRU"];

#[derive(Serialize)]
pub struct Row {
    workload: &'static str,
    entries: usize,
    contestant: &'static str,
    is_exact: bool,
    /// Percent, one of each round; rounds of different contestants had the same accesses.
    hits: Vec<f64>,
}

pub fn measure(options: &Options) -> Vec<Row> {
    let mut rows = Vec::new();
    for workload in workloads() {
        eprintln!("hit ratio: {}", workload.name);
        let of_round = |round: usize| {
            let accesses = (workload.make)(options.entries, 2 * options.accesses, round as u64 + 1);
            COMPARED.map(|name| simulate(name, options.entries, &workload, &accesses))
        };
        let rounds: Vec<_> = (0..options.rounds).map(of_round).collect();
        rows.extend(COMPARED.iter().enumerate().map(|(index, contestant)| Row {
            workload: workload.name,
            entries: options.entries,
            contestant,
            is_exact: *contestant == EXACT,
            hits: rounds.iter().map(|round| round[index]).collect(),
        }));
    }
    rows
}

/// Percent of the second half of the accesses.
fn simulate(name: &str, entries: usize, workload: &Workload, accesses: &[Access]) -> f64 {
    let contestant = CONTESTANTS.iter().find(|other| other.name == name).expect("it is there");
    let cache = (contestant.make)(entries);
    let mut out = [0; 8];
    let (warming, counted) = accesses.split_at(accesses.len() / 2);
    for &access in warming {
        look_up(&*cache, workload.takes, access, &mut out);
    }
    let hits = counted
        .iter()
        .filter(|access| look_up(&*cache, workload.takes, **access, &mut out))
        .count();
    100.0 * hits as f64 / counted.len() as f64
}

fn look_up(cache: &dyn Peer, takes: bool, access: Access, out: &mut [u8]) -> bool {
    let mut key: Key = [0; 32];
    key[..8].copy_from_slice(&access.to_le_bytes());
    let hit = if takes { cache.take(&key, out) } else { cache.get(&key, out) };
    if takes || !hit {
        cache.set(&key, &access.to_le_bytes());
    }
    hit
}
