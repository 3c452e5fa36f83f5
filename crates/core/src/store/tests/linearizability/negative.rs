//! The checker rejects stores that are broken on purpose.

use std::sync::Mutex;

use super::history::{Call, Named, Operation, Outcome, Program, Subject};
use super::search::is_linearizable;
use super::{histories, store};
use crate::read_mode::ReadMode;
use crate::{Capacity, Options, TicketsPerKey};

/// Remembers what it saw last, and sometimes returns that instead of the truth.
struct Broken<L> {
    store: Named,
    last: Mutex<Outcome>,
    lie: L,
}

impl<L: Fn(Operation, Outcome, Outcome) -> Outcome + Sync> Subject for Broken<L> {
    fn perform(&self, operation: Operation, serial: u64, now: u64) -> Outcome {
        // One call at a time, so that the wrong result shows: a call that finds nothing is faster than the one that took it.
        let mut last = self.last.lock().unwrap();
        let outcome = self.store.perform(operation, serial, now);
        let told = (self.lie)(operation, outcome, *last);
        if matches!(outcome, Outcome::Blob(Some(_))) {
            *last = outcome;
        }
        told
    }
}

fn program(max: u64, before: &[Operation], threads: &[&[Operation]]) -> Program {
    Program {
        options: Options {
            max: Capacity::new(max).unwrap(),
            tickets_per_key: TicketsPerKey::new(2).unwrap(),
            sweep_interval: None,
            ..Options::default()
        },
        before: before.to_vec(),
        threads: threads.iter().map(|operations| operations.to_vec()).collect(),
    }
}

const GET: Operation = Operation::Read(0, ReadMode::Get);
const TAKE: Operation = Operation::Read(0, ReadMode::Take);
const OFFER: Operation = Operation::Read(0, ReadMode::Offer);
const PUT: Operation = Operation::Put(0);
const ADD: Operation = Operation::Add(0);

/// True if the checker accepts a store, with room and (`max` 1) without.
fn passes(
    max: u64,
    before: &[Operation],
    threads: &[&[Operation]],
    lie: impl Fn(Operation, Outcome, Outcome) -> Outcome + Sync + Copy,
) -> bool {
    let program = program(max, before, threads);
    let broken = || Broken { store: store(&program), last: Mutex::new(Outcome::Blob(None)), lie };
    histories(&program, broken).iter().all(|history| is_linearizable(&program, history))
}

fn truth(_: Operation, outcome: Outcome, _: Outcome) -> Outcome {
    outcome
}

#[test]
fn the_truth_passes() {
    for max in [1, 32] {
        assert!(passes(max, &[PUT], &[&[GET, PUT, TAKE], &[PUT, GET, TAKE]], truth));
    }
}

/// An insertion may link its node after a `clear` has ended. A reader then removes it, and has its quota for a while.
#[test]
fn an_entry_that_a_reader_removes_after_a_clear_may_count() {
    let call = |thread, operation, [begin, end]: [u64; 2], outcome| Call {
        thread,
        operation,
        serial: 1,
        now: 0,
        begin,
        end,
        outcome,
    };
    let history = |add, get| {
        [
            call(0, ADD, add, Outcome::Done),
            call(1, Operation::Clear, [1, 2], Outcome::Done),
            call(2, GET, get, Outcome::Blob(None)),
            call(1, GET, [6, 7], Outcome::Blob(None)),
            call(1, Operation::Len, [8, 9], Outcome::Count(1)),
        ]
    };
    let program = program(32, &[], &[&[ADD], &[Operation::Clear, GET, Operation::Len], &[GET]]);
    let explains = |add, get| is_linearizable(&program, &history(add, get));
    assert!(explains([0, 5], [4, 10]));
    assert!(!explains([0, 5], [4, 7]), "it had ended before the length was read");
    assert!(!explains([0, 3], [4, 10]), "the insertion had ended before it began");
    assert!(!explains([3, 5], [4, 10]), "it began after the clear");
}

#[test]
fn a_stale_value_is_found() {
    let lie = |operation, outcome, last| match (operation, last) {
        (GET, Outcome::Blob(Some(_))) => last,
        _ => outcome,
    };
    for max in [1, 32] {
        assert!(!passes(max, &[PUT, GET, PUT], &[&[GET], &[ADD]], lie));
    }
}

#[test]
fn a_blob_returned_twice_is_found() {
    let lie = |operation, outcome, last| match (operation, outcome) {
        (TAKE, Outcome::Blob(None)) => last,
        _ => outcome,
    };
    for max in [1, 32] {
        assert!(!passes(max, &[PUT], &[&[TAKE], &[TAKE]], lie));
    }
}

#[test]
fn a_ticket_offered_twice_before_an_unused_one_is_found() {
    let lie = |operation, outcome, last| match (operation, last) {
        (OFFER, Outcome::Blob(Some(_))) => last,
        _ => outcome,
    };
    assert!(!passes(32, &[ADD, ADD], &[&[OFFER], &[OFFER]], lie));
}

#[test]
fn a_moment_of_absence_is_found() {
    let lie = |operation, outcome, _| if operation == GET { Outcome::Blob(None) } else { outcome };
    assert!(!passes(32, &[PUT], &[&[PUT], &[GET]], lie));
}

#[test]
fn an_eviction_without_need_is_found() {
    // If no calls overlap, no entry may be lost, full or not.
    let lie = |operation, outcome, _| if operation == GET { Outcome::Blob(None) } else { outcome };
    assert!(!passes(
        2,
        &[Operation::Put(1), PUT, GET],
        &[&[Operation::Len], &[Operation::Len]],
        lie
    ));
}

#[test]
fn a_length_that_counts_a_removed_entry_is_found() {
    let lie = |operation, outcome, _| match (operation, outcome) {
        (Operation::Len, Outcome::Count(len)) => Outcome::Count(len + 1),
        _ => outcome,
    };
    assert!(!passes(32, &[PUT, TAKE, Operation::Len], &[&[GET], &[GET]], lie));
}

#[test]
fn an_entry_that_a_clear_missed_is_found() {
    let lie = |operation, outcome, last| match (operation, outcome) {
        (GET, Outcome::Blob(None)) => last,
        _ => outcome,
    };
    assert!(!passes(32, &[PUT, GET, Operation::Clear], &[&[GET], &[Operation::Len]], lie));
}

#[test]
fn an_entry_removed_twice_is_found() {
    let lie = |operation, outcome, _| match (operation, outcome) {
        (Operation::RemoveEntry(0), Outcome::Entry(Some((serial, _)))) => {
            Outcome::Entry(Some((serial, true)))
        }
        _ => outcome,
    };
    let remove = Operation::RemoveEntry(0);
    assert!(passes(32, &[PUT], &[&[remove], &[remove]], truth));
    assert!(!passes(32, &[PUT], &[&[remove], &[remove]], lie));
}
