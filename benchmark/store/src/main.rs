//! What `npm run bench:core` runs: the core beside its peers, one part of the measurement a call. Prints only JSON;
//! `main.ts` judges the figures and shows them.

mod hits;
mod measure;
mod memory;
mod mixes;
mod peers;
mod resident;
mod residue;
mod sweep;
mod throughput;

use clap::{Parser, Subcommand};
use serde::Serialize;

#[derive(Parser)]
struct Arguments {
    #[command(subcommand)]
    part: Part,
}

#[derive(Subcommand)]
enum Part {
    /// Operations a second and how long one takes.
    Throughput(throughput::Options),
    /// Resident memory, empty and filled.
    Memory(memory::Options),
    /// How long a sweep takes, and what a reader feels of it.
    Sweep(sweep::Options),
    /// How many look-ups find something, beside an exact LRU.
    HitRatio(hits::Options),
    /// What can still be read in the memory of the process of a session that was removed.
    Residue(residue::Options),
}

fn main() {
    match Arguments::parse().part {
        Part::Throughput(options) => print(&throughput::measure(&options)),
        Part::Memory(options) => print(&memory::measure(&options)),
        Part::Sweep(options) => print(&sweep::measure(&options)),
        Part::HitRatio(options) => print(&hits::measure(&options)),
        Part::Residue(options) => print(&residue::measure(&options)),
    }
}

fn print(rows: &impl Serialize) {
    println!("{}", serde_json::to_string(rows).expect("rows are plain data"));
}
