//! Resident memory, empty and filled: `npm run bench:core -- --memory`.
//!
//! Each figure comes from a process of its own, so that no contestant uses what another one gave back.

use std::env;
use std::fs;
use std::process::Command;

use crate::peers::{CONTESTANTS, Contestant, Key};

/// Capacity, and the entries put in.
const CASES: [(usize, usize); 3] = [(10_000_000, 0), (10_000_000, 50_000), (1_000_000, 1_000_000)];

/// Set for the processes that measure.
const CHILD: &str = "BENCH_CORE_MEMORY";

/// What a child does, if this is one: `contestant capacity entries blob`.
pub fn measure_if_child() -> bool {
    let Ok(case) = env::var(CHILD) else { return false };
    let numbers: Vec<usize> =
        case.split(' ').map(|number| number.parse().expect("a number")).collect();
    let [contestant, capacity, entries, blob] = numbers[..] else { panic!("four numbers") };
    let before = resident();
    let peer = (CONTESTANTS[contestant].make)(capacity);
    let mut rng = fastrand::Rng::with_seed(7);
    let content: Vec<u8> = (0..blob).map(|_| rng.u8(..)).collect();
    for _ in 0..entries {
        let mut key: Key = [0; 32];
        rng.fill(&mut key);
        peer.set(&key, &content);
    }
    println!("{}", resident() - before);
    true
}

pub fn print(contestants: &[&Contestant], blobs: &[usize]) {
    for &blob in blobs {
        for (capacity, entries) in CASES {
            println!("capacity {capacity}, {entries} entries of {blob} B");
            for contestant in contestants {
                let index = CONTESTANTS.iter().position(|other| other.name == contestant.name);
                let case = format!("{} {capacity} {entries} {blob}", index.expect("one of them"));
                let bytes = in_a_child(&case);
                let beyond = (entries > 0).then(|| {
                    format!(
                        "{:10.0} B an entry beyond its blob",
                        bytes / entries as f64 - blob as f64
                    )
                });
                let (name, mb) = (contestant.name, bytes / 1e6);
                println!(
                    "{name:24} {mb:10.1} MB {} {}",
                    beyond.unwrap_or_default(),
                    contestant.remark
                );
            }
        }
    }
}

fn in_a_child(case: &str) -> f64 {
    let program = env::current_exe().expect("it runs");
    let output = Command::new(program).env(CHILD, case).output().expect("it starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).trim().parse().expect("a number of bytes")
}

/// Bytes, of this process. Linux alone tells.
fn resident() -> isize {
    let status = fs::read_to_string("/proc/self/smaps_rollup").expect("this is Linux");
    let line = status.lines().find(|line| line.starts_with("Rss:")).expect("there is an Rss");
    let kilobytes = line.split_whitespace().nth(1).and_then(|number| number.parse::<isize>().ok());
    kilobytes.expect("a number of kB") * 1024
}
