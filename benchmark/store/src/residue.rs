//! Looks for the bytes of removed sessions in all memory that this process can write to, its allocators' included.
//!
//! What is looked for is kept as its complement, so that the search does not find itself.

use std::collections::HashSet;
use std::env;
use std::fs;
use std::ops::Range;
use std::process::Command;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use clap::Args;
use serde::Serialize;

use crate::measure::random_keys;
use crate::peers::{Contestant, Key, Ours, Peer, Shared, named};

const BLOB: usize = 1024;
const ENTRIES: usize = 1024;
/// How many are removed in each way, one after the other.
const REMOVED: usize = 16;

#[derive(Args)]
pub struct Options {
    /// A contestant by its name, besides ours; may be repeated. All when left out.
    #[arg(long)]
    only: Vec<String>,
    /// Milliseconds after which what is left is looked for again.
    #[arg(long, default_value_t = 1000)]
    later: u64,
    /// Looks in this process: at the one contestant that is named, or ours.
    #[arg(long, hide = true)]
    here: bool,
}

#[derive(Serialize, serde::Deserialize)]
pub struct Row {
    contestant: String,
    removal: String,
    removed: usize,
    /// Percent of the removed sessions' bytes that are still there when the removing call has returned.
    at_once: f64,
    /// And some time later, nothing else having happened.
    later: f64,
}

pub fn measure(options: &Options) -> Vec<Row> {
    let contestants = named(&options.only);
    if options.here {
        return here(contestants.last().expect("ours at least"), options.later);
    }
    contestants.iter().flat_map(|contestant| in_a_child(contestant, options.later)).collect()
}

fn in_a_child(contestant: &Contestant, later: u64) -> Vec<Row> {
    eprintln!("what is left of removed sessions: {}", contestant.name);
    let program = env::current_exe().expect("it runs");
    let output = Command::new(program)
        .args(["residue", "--here", "--only", contestant.name, "--later", &later.to_string()])
        .output()
        .expect("it starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).expect("it prints JSON")
}

fn here(contestant: &Contestant, later: u64) -> Vec<Row> {
    let cache: Shared = match contestant.name {
        // Address space that is never used would be looked through, too.
        "tls-resumption" => Arc::new(Ours::new(ENTRIES, Some((ENTRIES * BLOB) as u64))),
        _ => (contestant.make)(ENTRIES),
    };
    // Room for all even where the capacity is split.
    let keys = random_keys(ENTRIES * 6 / 10);
    for (index, key) in keys.iter().enumerate() {
        set(&*cache, key, index as u64);
    }
    let (taken, replaced) = keys[..2 * REMOVED].split_at(REMOVED);
    let mut out = [0; BLOB];
    let mut rows = Vec::new();
    let mut row = |removal: &str, first: usize, at_once: usize| {
        thread::sleep(Duration::from_millis(later));
        let percent = |found: usize| 100.0 * found as f64 / (REMOVED * BLOB / 8) as f64;
        let later = (first..first + REMOVED).map(|index| search(index as u64)).sum();
        rows.push(Row {
            contestant: contestant.name.to_owned(),
            removal: removal.to_owned(),
            removed: REMOVED,
            at_once: percent(at_once),
            later: percent(later),
        });
    };
    let mut at_once = 0;
    for (index, key) in taken.iter().enumerate() {
        assert!(cache.take(key, &mut out), "it is there to be taken");
        wipe(&mut out);
        at_once += search(index as u64);
    }
    row("taken", 0, at_once);
    at_once = 0;
    for (index, key) in replaced.iter().enumerate() {
        set(&*cache, key, u64::MAX - index as u64);
        at_once += search((REMOVED + index) as u64);
    }
    row("replaced", REMOVED, at_once);
    rows
}

/// Stores the session of that number, and leaves nothing of it on the stack.
fn set(cache: &dyn Peer, key: &Key, number: u64) {
    let mut blob = [0; BLOB];
    for (bytes, word) in blob.chunks_mut(8).zip(words(number)) {
        bytes.copy_from_slice(&word.to_ne_bytes());
    }
    cache.set(key, &blob);
    wipe(&mut blob);
}

fn wipe(bytes: &mut [u8]) {
    bytes.fill(0);
    std::hint::black_box(bytes);
}

/// What the session of that number consists of.
fn words(number: u64) -> impl Iterator<Item = u64> {
    let mut rng = fastrand::Rng::with_seed(number.wrapping_add(1 << 32));
    (0..BLOB / 8).map(move |_| rng.u64(..))
}

/// How many words of that session are anywhere in memory.
fn search(number: u64) -> usize {
    let wanted: HashSet<u64> = words(number).map(|word| !word).collect();
    let mut found = HashSet::new();
    for range in writable() {
        for at in range.step_by(8) {
            // SAFETY: The range is mapped and may be read, and no other thread of this process is at work.
            let word = unsafe { std::ptr::read_volatile(at as *const u64) };
            if wanted.contains(&!word) {
                found.insert(!word);
            }
        }
    }
    found.len()
}

/// The addresses that this process may read and write.
fn writable() -> Vec<Range<usize>> {
    let maps = fs::read_to_string("/proc/self/maps").expect("this is Linux");
    let range = |line: &str| {
        let (range, rest) = line.split_once(' ')?;
        let (from, to) = range.split_once('-')?;
        let address = |text| usize::from_str_radix(text, 16).expect("an address");
        rest.starts_with("rw").then(|| address(from)..address(to))
    };
    maps.lines().filter_map(range).collect()
}
