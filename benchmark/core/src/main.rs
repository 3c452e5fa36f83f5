//! Measures the core against its peers: `npm run bench:core`.
//!
//! Rounds are interleaved, every contestant once in each, so that what the machine does meanwhile hits them
//! alike; figures are medians over the rounds, with the least and the greatest beside them.

mod measure;
mod memory;
mod mixes;
mod peers;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use clap::{Parser, ValueEnum};
use serde::Serialize;

use measure::{fill, histogram, run};
use mixes::Mix;
use peers::{CONTESTANTS, Contestant};

/// Measures the core of tls-resumption against other caches.
#[derive(Parser)]
struct Arguments {
    /// Entries of each cache.
    #[arg(long, default_values_t = [65_536])]
    entries: Vec<usize>,
    /// Bytes of each blob.
    #[arg(long, default_values_t = [1024])]
    blob: Vec<usize>,
    #[arg(long, default_values_t = [1, 2, 8])]
    threads: Vec<usize>,
    /// The mixes to run; all when left out.
    #[arg(long, value_enum)]
    mix: Vec<Mix>,
    /// Only contestants whose name contains one of these; ours always.
    #[arg(long)]
    only: Vec<String>,
    #[arg(long, default_value_t = 20)]
    rounds: usize,
    /// Milliseconds a round takes.
    #[arg(long, default_value_t = 200)]
    time: u64,
    /// Measures resident memory instead of time.
    #[arg(long)]
    memory: bool,
    /// Prints JSON instead of tables.
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Row {
    mix: Mix,
    entries: usize,
    blob: usize,
    threads: usize,
    contestant: &'static str,
    remark: &'static str,
    rounds: usize,
    /// Operations a second: median, least, greatest.
    rate: [f64; 3],
    /// The median over the rounds of our rate divided by this one's in the same round, with its 95 % interval.
    ours_over_this: [f64; 3],
    /// Nanoseconds: p50, p99, p99.9, greatest.
    latency: [u64; 4],
    /// The most entries seen beyond the capacity.
    over_capacity: usize,
}

fn main() {
    if memory::measure_if_child() {
        return;
    }
    let arguments = Arguments::parse();
    let mixes = if arguments.mix.is_empty() { Mix::value_variants() } else { &arguments.mix };
    let contestants: Vec<&Contestant> = CONTESTANTS
        .iter()
        .enumerate()
        .filter(|(index, contestant)| {
            let only = &arguments.only;
            *index == 0
                || only.is_empty()
                || only.iter().any(|part| contestant.name.contains(part.as_str()))
        })
        .map(|(_, contestant)| contestant)
        .collect();
    if arguments.memory {
        memory::print(&contestants, &arguments.blob);
        return;
    }
    let mut rows = Vec::new();
    for &entries in &arguments.entries {
        for &blob in &arguments.blob {
            for &mix in mixes {
                for &threads in &arguments.threads {
                    eprintln!("{}, {entries} entries of {blob} B, {threads} threads", mix.name());
                    let cell = cell(&contestants, mix, entries, blob, threads, &arguments);
                    if !arguments.json {
                        print(&cell);
                    }
                    rows.extend(cell);
                }
            }
        }
    }
    if arguments.json {
        println!("{}", serde_json::to_string_pretty(&rows).expect("rows are plain data"));
    }
}

fn cell(
    contestants: &[&Contestant],
    mix: Mix,
    entries: usize,
    blob: usize,
    threads: usize,
    arguments: &Arguments,
) -> Vec<Row> {
    let mut rng = fastrand::Rng::with_seed(7);
    let keys: Arc<[peers::Key]> = (0..mix.keys(entries))
        .map(|_| {
            let mut key = [0; 32];
            rng.fill(&mut key);
            key
        })
        .collect();
    let content: Arc<[u8]> = (0..blob).map(|_| rng.u8(..)).collect();
    let caches: Vec<_> = contestants.iter().map(|contestant| (contestant.make)(entries)).collect();
    for cache in &caches {
        fill(&**cache, &keys, &content);
    }
    let mut rates = BTreeMap::<usize, Vec<f64>>::new();
    let mut latencies: Vec<_> = contestants.iter().map(|_| histogram()).collect();
    let mut over = vec![0; contestants.len()];
    for _ in 0..arguments.rounds {
        for (index, cache) in caches.iter().enumerate() {
            let round =
                run(cache, mix, &keys, &content, threads, Duration::from_millis(arguments.time));
            rates.entry(index).or_default().push(round.rate);
            latencies[index].add(&round.latency).expect("all histograms are alike");
            over[index] = over[index].max(round.peak_entries.saturating_sub(entries));
        }
    }
    let ours = rates[&0].clone();
    contestants
        .iter()
        .enumerate()
        .map(|(index, contestant)| {
            let theirs = &rates[&index];
            let ratios: Vec<f64> =
                ours.iter().zip(theirs).map(|(ours, theirs)| ours / theirs).collect();
            let at = |quantile| latencies[index].value_at_quantile(quantile);
            Row {
                mix,
                entries,
                blob,
                threads,
                contestant: contestant.name,
                remark: contestant.remark,
                rounds: arguments.rounds,
                rate: [quantile(theirs, 0.5), quantile(theirs, 0.0), quantile(theirs, 1.0)],
                ours_over_this: median_with_interval(&ratios),
                latency: [at(0.5), at(0.99), at(0.999), latencies[index].max()],
                over_capacity: over[index],
            }
        })
        .collect()
}

/// The median and its distribution-free 95 % interval, by order statistics: ranks n/2 ± 0.98 √n.
fn median_with_interval(values: &[f64]) -> [f64; 3] {
    let half_width = 0.98 / (values.len() as f64).sqrt();
    [
        quantile(values, 0.5),
        quantile(values, (0.5 - half_width).max(0.0)),
        quantile(values, (0.5 + half_width).min(1.0)),
    ]
}

fn quantile(values: &[f64], quantile: f64) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted[((sorted.len() - 1) as f64 * quantile).round() as usize]
}

fn print(cell: &[Row]) {
    println!(
        "{:24} {:>8} {:>22} {:>8} {:>8} {:>9} {:>6}",
        "", "Mop/s", "ours/this (95 %)", "p50 ns", "p99.9 µs", "max µs", "over"
    );
    for row in cell {
        let [ratio, low, high] = row.ours_over_this;
        println!(
            "{:24} {:8.2} {:>22} {:8} {:8.1} {:9.0} {:6} {}",
            row.contestant,
            row.rate[0] / 1e6,
            format!("{ratio:.2} ({low:.2}-{high:.2})"),
            row.latency[0],
            row.latency[2] as f64 / 1e3,
            row.latency[3] as f64 / 1e3,
            row.over_capacity,
            row.remark
        );
    }
}
