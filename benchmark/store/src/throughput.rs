//! Measures throughput in interleaved rounds. In each round every contestant runs with every number of threads, and
//! every second round has the reverse order. So disturbances of the machine hit all alike, and rounds can be paired.

use std::time::Duration;

use clap::{Args, ValueEnum};
use serde::Serialize;

use crate::measure::{Timed, fill, random_blob, random_keys, run};
use crate::mixes::Mix;
use crate::peers::{Contestant, named};

#[derive(Args)]
pub struct Options {
    /// Entries of each cache.
    #[arg(long, value_delimiter = ',', default_values_t = [65_536])]
    entries: Vec<usize>,
    /// Bytes of each blob.
    #[arg(long, value_delimiter = ',', default_values_t = [1024])]
    blob: Vec<usize>,
    #[arg(long, value_delimiter = ',', default_values_t = [1, 2, 8])]
    threads: Vec<usize>,
    /// The mixes to run; all when left out.
    #[arg(long, value_enum, value_delimiter = ',')]
    mix: Vec<Mix>,
    /// A contestant by its name, besides ours; may be repeated. All when left out.
    #[arg(long)]
    only: Vec<String>,
    #[arg(long, default_value_t = 20)]
    rounds: usize,
    /// Milliseconds a round takes.
    #[arg(long, default_value_t = 50)]
    time: u64,
}

#[derive(Serialize)]
pub struct Row {
    mix: Mix,
    entries: usize,
    blob: usize,
    threads: usize,
    contestant: &'static str,
    /// Operations a second, one of each round.
    rates: Vec<f64>,
    /// Nanoseconds, one of each round.
    p999s: Vec<u64>,
    /// Nanoseconds over all rounds: p50, p99, p99.9, greatest.
    latency: [u64; 4],
    /// Of the reads that were timed, the share that found something; `None` without any.
    hits: Option<f64>,
    /// The most entries seen beyond the capacity; `None` where there is no bound or it does not say.
    over_capacity: Option<usize>,
}

pub fn measure(options: &Options) -> Vec<Row> {
    let mixes = if options.mix.is_empty() { Mix::value_variants() } else { &options.mix };
    let contestants = named(&options.only);
    let mut rows = Vec::new();
    for &entries in &options.entries {
        for &blob in &options.blob {
            for &mix in mixes {
                rows.extend(cell(&contestants, mix, entries, blob, options));
            }
        }
    }
    rows
}

fn cell(
    contestants: &[&'static Contestant],
    mix: Mix,
    entries: usize,
    blob: usize,
    options: &Options,
) -> Vec<Row> {
    let (keys, content) = (random_keys(mix.keys(entries)), random_blob(blob));
    let caches: Vec<_> = contestants.iter().map(|contestant| (contestant.make)(entries)).collect();
    for cache in &caches {
        fill(&**cache, &keys, &content);
    }
    let mut turns: Vec<Turn> = (0..contestants.len())
        .flat_map(|index| options.threads.iter().map(move |&threads| Turn::new(index, threads)))
        .collect();
    for round in 0..options.rounds {
        if round % 5 == 0 {
            eprintln!(
                "{mix:?}, {entries} entries of {blob} B, round {round} of {}",
                options.rounds
            );
        }
        for turn in &mut turns {
            let time = Duration::from_millis(options.time);
            let round = run(&caches[turn.contestant], mix, &keys, &content, turn.threads, time);
            turn.rates.push(round.rate);
            turn.p999s.push(round.timed.latency.value_at_quantile(0.999));
            turn.timed.add(&round.timed);
            turn.peak_entries = turn.peak_entries.max(round.peak_entries);
        }
        turns.reverse();
    }
    turns.sort_by_key(|turn| (turn.threads, turn.contestant));
    let row = |turn: Turn| {
        let contestant = contestants[turn.contestant];
        turn.into_row(contestant, mix, entries, blob)
    };
    turns.into_iter().map(row).collect()
}

/// One contestant with one number of threads, over all rounds.
struct Turn {
    contestant: usize,
    threads: usize,
    rates: Vec<f64>,
    p999s: Vec<u64>,
    timed: Timed,
    peak_entries: Option<usize>,
}

impl Turn {
    fn new(contestant: usize, threads: usize) -> Self {
        let (rates, p999s, timed) = (Vec::new(), Vec::new(), Timed::new());
        Self { contestant, threads, rates, p999s, timed, peak_entries: None }
    }

    fn into_row(self, contestant: &Contestant, mix: Mix, entries: usize, blob: usize) -> Row {
        let Timed { latency, reads, hits } = self.timed;
        let at = |quantile| latency.value_at_quantile(quantile);
        Row {
            mix,
            entries,
            blob,
            threads: self.threads,
            contestant: contestant.name,
            rates: self.rates,
            p999s: self.p999s,
            latency: [at(0.5), at(0.99), at(0.999), latency.max()],
            hits: (reads > 0).then(|| hits as f64 / reads as f64),
            over_capacity: self
                .peak_entries
                .filter(|_| contestant.is_bounded)
                .map(|peak| peak.saturating_sub(entries)),
        }
    }
}
