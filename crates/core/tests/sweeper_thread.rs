//! There is one background thread, while it is needed. A program of its own, because it counts the threads of the process.
#![cfg(target_os = "linux")]

mod common;
use std::fs;

use common::wait_until;
use tls_resumption_core::{Cache, SweepInterval};

#[test]
fn one_thread_serves_all_caches_and_ends_with_the_last_and_comes_back() {
    assert_eq!(sweepers(), 0);
    let unswept = Cache::builder().sweep_interval(None).build();
    assert_eq!(sweepers(), 0);

    for _ in 0..3 {
        let caches: Vec<_> =
            (0..10).map(|_| Cache::builder().sweep_interval(SweepInterval::MAX).build()).collect();
        // A thread sets its name after it has started.
        wait_until("there is one", || sweepers() == 1);
        drop(caches);
        wait_until("there is none", || sweepers() == 0);
    }
    drop(unswept);
}

fn sweepers() -> usize {
    let threads = fs::read_dir("/proc/self/task").unwrap();
    let names =
        threads.filter_map(|thread| fs::read_to_string(thread.unwrap().path().join("comm")).ok());
    names.filter(|name| name.trim_end() == "session-sweeper").count()
}
