//! The memory of this process, as only Linux reports it.

use std::fs;

/// Bytes that are resident.
pub fn resident() -> isize {
    let status = fs::read_to_string("/proc/self/smaps_rollup").expect("this is Linux");
    let line = status.lines().find(|line| line.starts_with("Rss:")).expect("there is an Rss");
    let kilobytes = line.split_whitespace().nth(1).and_then(|number| number.parse::<isize>().ok());
    kilobytes.expect("a number of kB") * 1024
}
