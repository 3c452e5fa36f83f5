//! Small histories of a few threads. For each, some order of its calls has to explain the results.

mod history;
mod negative;
mod preempted;
mod search;
mod spec;

use std::hint::spin_loop;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::thread;

use proptest::prelude::*;
use proptest::test_runner::TestCaseError;

use crate::store::Store;
use crate::store::striped::random;
use history::{Call, Named, Operation, Program, Shown, Subject, a_program};
use search::is_linearizable;

/// How often a program is run.
const ROUNDS: usize = 30;

/// The state that all threads of a round share.
struct Round<S> {
    subject: S,
    /// Counts beginnings and ends.
    moments: AtomicU64,
    now: AtomicU64,
    arrived: AtomicUsize,
}

impl<S: Subject> Round<S> {
    fn new(subject: S) -> Self {
        let (moments, now, arrived) = Default::default();
        Self { subject, moments, now, arrived }
    }

    fn perform(&self, thread: usize, serial: u64, operation: Operation) -> Call {
        let begin = self.moments.fetch_add(1, Ordering::SeqCst);
        let now = match operation {
            Operation::Advance => self.now.fetch_add(1, Ordering::SeqCst),
            _ => self.now.load(Ordering::SeqCst),
        };
        let outcome = self.subject.perform(operation, serial, now);
        let end = self.moments.fetch_add(1, Ordering::SeqCst);
        Call { thread, operation, serial, now, begin, end, outcome }
    }

    fn perform_all(&self, thread: usize, operations: &[Operation]) -> Vec<Call> {
        let first = (thread as u64 + 1) * 16;
        let numbered = operations.iter().zip(first..);
        let perform = |(operation, serial): (&Operation, u64)| {
            // So that calls overlap differently each time.
            (0..random() % 64).for_each(|_| spin_loop());
            self.perform(thread, serial, *operation)
        };
        numbered.map(perform).collect()
    }

    fn meet(&self, all: usize) {
        self.arrived.fetch_add(1, Ordering::SeqCst);
        while self.arrived.load(Ordering::SeqCst) < all {
            thread::yield_now();
        }
    }
}

/// Returns the histories of several runs.
fn histories<S: Subject>(program: &Program, subject: impl Fn() -> S) -> Vec<Vec<Call>> {
    let rounds: Vec<Round<S>> = (0..ROUNDS).map(|_| Round::new(subject())).collect();
    let count = program.threads.len();
    let mut histories: Vec<Vec<Call>> =
        rounds.iter().map(|round| round.perform_all(count, &program.before)).collect();
    thread::scope(|scope| {
        let run = |thread: usize| {
            let (rounds, operations) = (&rounds, &program.threads[thread]);
            scope.spawn(move || {
                let run = |round: &Round<S>| {
                    round.meet(count);
                    round.perform_all(thread, operations)
                };
                rounds.iter().map(run).collect::<Vec<_>>()
            })
        };
        for runs in (0..count).map(run).collect::<Vec<_>>() {
            for (history, calls) in histories.iter_mut().zip(runs.join().unwrap()) {
                history.extend(calls);
            }
        }
    });
    histories
}

fn store(program: &Program) -> Named {
    Named::new(Store::with(program.options, [3; 16], [1, 8]).unwrap())
}

fn check(program: &Program) -> Result<(), TestCaseError> {
    for history in histories(program, || store(program)) {
        let explained = is_linearizable(program, &history);
        prop_assert!(explained, "no order of its calls explains\n{}", Shown(&history));
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn histories_linearize_where_there_is_room(program in a_program(32..33_u64)) {
        check(&program)?;
    }

    #[test]
    fn histories_linearize_where_entries_are_evicted(program in a_program(1..4_u64)) {
        check(&program)?;
    }
}
