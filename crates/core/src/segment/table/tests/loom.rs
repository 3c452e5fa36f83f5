//! Two processes, in every interleaving with few preemptions.

use std::sync::Arc;

use loom::thread;

use super::loom_fixture::{Memory, Process, check_clean};

fn explore(check: impl Fn(Arc<Memory>) + Send + Sync + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = Some(2);
    builder.max_branches = 10_000;
    builder.check(move || check(Arc::new(Memory::new())));
}

/// Runs both calls at the same time, each in a process of its own.
fn together<A: Send + 'static, B>(
    memory: &Arc<Memory>,
    one: impl FnOnce(&Process) -> A + Send + 'static,
    other: impl FnOnce(&Process) -> B,
) -> (A, B) {
    let theirs = Process::new(Arc::clone(memory), 2);
    let thread = thread::spawn(move || one(&theirs));
    let other = other(&Process::new(Arc::clone(memory), 1));
    (thread.join().unwrap(), other)
}

#[test]
fn of_two_stored_sessions_one_remains() {
    explore(|memory| {
        together(&memory, |process| process.put(1), |process| process.put(2));
        let process = Process::new(Arc::clone(&memory), 3);
        assert!(process.take().is_some_and(|blob| blob == [1; 8] || blob == [2; 8]));
        assert_eq!(process.take(), None);
        check_clean(&memory);
    });
}

#[test]
fn a_session_is_taken_once() {
    explore(|memory| {
        Process::new(Arc::clone(&memory), 3).put(1);
        let (one, other) = together(&memory, Process::take, Process::take);
        assert!(one.is_some() ^ other.is_some());
        check_clean(&memory);
    });
}

#[test]
fn a_session_that_is_replaced_is_read_whole_or_as_its_successor() {
    explore(|memory| {
        Process::new(Arc::clone(&memory), 3).put(1);
        let (read, ()) = together(&memory, Process::get, |process| process.put(2));
        assert!(read.is_some_and(|blob| blob == [1; 8] || blob == [2; 8]), "{read:?}");
    });
}
