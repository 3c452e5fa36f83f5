//! Each figure comes from a process of its own, so that no contestant uses what another one gave back.

use std::env;
use std::process::Command;

use clap::Args;
use serde::Serialize;

use crate::measure::{random_blob, random_keys};
use crate::peers::{Contestant, named};
use crate::resident::resident;

#[derive(Args)]
pub struct Options {
    /// The capacity, and how many entries are put in: `10000000:50000`; may be repeated.
    #[arg(long, value_parser = case, default_values_t = [Case { capacity: 1_000_000, entries: 1_000_000 }])]
    case: Vec<Case>,
    /// Bytes of each blob.
    #[arg(long, value_delimiter = ',', default_values_t = [1024])]
    blob: Vec<usize>,
    /// A contestant by its name, besides ours; may be repeated. All when left out.
    #[arg(long)]
    only: Vec<String>,
    /// How many processes measure each figure.
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// Measures in this process: the one contestant that is named, or ours.
    #[arg(long, hide = true)]
    here: bool,
}

#[derive(Debug, Clone, Copy)]
struct Case {
    capacity: usize,
    entries: usize,
}

impl std::fmt::Display for Case {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}", self.capacity, self.entries)
    }
}

fn case(text: &str) -> Result<Case, String> {
    let (capacity, entries) = text.split_once(':').ok_or("two numbers with a colon between")?;
    let number = |text: &str| text.parse().map_err(|_| format!("{text:?} is no number"));
    Ok(Case { capacity: number(capacity)?, entries: number(entries)? })
}

#[derive(Serialize)]
pub struct Row {
    contestant: &'static str,
    capacity: usize,
    entries: usize,
    blob: usize,
    /// Bytes resident beyond those of the process before, one of each round.
    resident: Vec<isize>,
}

pub fn measure(options: &Options) -> Vec<Row> {
    let contestants = named(&options.only);
    if options.here {
        let contestant = contestants.last().expect("ours at least");
        return vec![here(contestant, options.case[0], options.blob[0])];
    }
    let mut rows = Vec::new();
    for &blob in &options.blob {
        for &case in &options.case {
            eprintln!("{} entries of {blob} B in a cache of {}", case.entries, case.capacity);
            for contestant in &contestants {
                let resident = (0..options.rounds).map(|_| in_a_child(contestant, case, blob));
                let (contestant, Case { capacity, entries }) = (contestant.name, case);
                rows.push(Row {
                    contestant,
                    capacity,
                    entries,
                    blob,
                    resident: resident.collect(),
                });
            }
        }
    }
    rows
}

fn here(contestant: &Contestant, Case { capacity, entries }: Case, blob: usize) -> Row {
    let (keys, content) = (random_keys(entries), random_blob(blob));
    let before = resident();
    let peer = (contestant.make)(capacity);
    for key in &*keys {
        peer.set(key, &content);
    }
    let resident = vec![resident() - before];
    Row { contestant: contestant.name, capacity, entries, blob, resident }
}

fn in_a_child(contestant: &Contestant, case: Case, blob: usize) -> isize {
    let program = env::current_exe().expect("it runs");
    let output = Command::new(program)
        .args(["memory", "--here", "--only", contestant.name])
        .args(["--case", &case.to_string(), "--blob", &blob.to_string()])
        .output()
        .expect("it starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let rows: serde_json::Value = serde_json::from_slice(&output.stdout).expect("it prints JSON");
    let bytes = rows[0]["resident"][0].as_i64().expect("a number of bytes");
    isize::try_from(bytes).expect("this is 64 bits wide")
}
