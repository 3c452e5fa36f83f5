//! A call that is stopped before each of its steps in turn, while another thread makes its calls: every schedule in
//! which one thread is interrupted once, with nothing left to chance.

use super::history::{Call, Operation, Program, Shown};
use super::search::is_linearizable;
use super::{Round, store};
use crate::lockfree::tests::steps::stop;
use crate::{Capacity, Options, Read, TicketsPerKey};

const GET: Operation = Operation::Read(0, Read::Get);
const OFFER: Operation = Operation::Read(0, Read::Offer);
const TAKE: Operation = Operation::Read(0, Read::Take);
const PUT: Operation = Operation::Put(0);
const ADD: Operation = Operation::Add(0);
const PUT_ANOTHER: Operation = Operation::Put(1);
const REMOVE: Operation = Operation::Remove(0);

const ALL: [Operation; 12] = [
    GET,
    OFFER,
    TAKE,
    PUT,
    ADD,
    PUT_ANOTHER,
    REMOVE,
    Operation::Contains(0),
    Operation::Len,
    Operation::Clear,
    Operation::Sweep,
    Operation::Advance,
];

/// Tells what is left.
const AFTERWARDS: [Operation; 6] = [Operation::Contains(1), GET, Operation::Len, TAKE, TAKE, TAKE];

/// What happened when the first thread's call was stopped before its step `at`; `None` if it has fewer.
fn history(program: &Program, at: u64) -> Option<Vec<Call>> {
    let round = Round::new(store(program));
    let [stopped, others, afterwards] = &program.threads[..] else { unreachable!("three threads") };
    let mut calls = round.perform_all(3, &program.before);
    let (first, second) =
        stop(at, || round.perform_all(0, stopped), || round.perform_all(1, others));
    calls.extend(first);
    calls.extend(second?);
    calls.extend(round.perform_all(2, afterwards));
    round.subject.reconcile();
    Some(calls)
}

fn check(
    max: u64,
    single_use: bool,
    before: &[Operation],
    stopped: Operation,
    others: &[Operation],
) {
    let program = Program {
        options: Options {
            max: Capacity::new(max).unwrap(),
            tickets_per_key: TicketsPerKey::new(2).unwrap(),
            single_use,
            sweep_interval: None,
            ..Options::default()
        },
        before: before.to_vec(),
        threads: vec![vec![stopped], others.to_vec(), AFTERWARDS.to_vec()],
    };
    for at in 0.. {
        let Some(calls) = history(&program, at) else { return };
        assert!(
            is_linearizable(&program, &calls),
            "of {max}, stopped before step {at}: no order of its calls explains\n{}",
            Shown(&calls)
        );
    }
}

#[test]
fn any_call_in_the_middle_of_any_other_linearizes() {
    for stopped in ALL {
        for other in ALL {
            check(32, false, &[PUT_ANOTHER, ADD, ADD], stopped, &[other]);
            check(1, false, &[PUT], stopped, &[other]);
        }
    }
}

#[test]
fn an_offer_marks_no_ticket_that_it_does_not_get() {
    check(32, false, &[ADD, ADD], OFFER, &[OFFER, TAKE]);
}

#[test]
#[ignore = "takes long: `npm run test:deep`"]
fn any_two_calls_in_the_middle_of_any_other_linearize() {
    for stopped in ALL {
        for one in ALL {
            for two in [GET, TAKE, PUT, ADD, Operation::Clear] {
                for before in [&[PUT][..], &[PUT_ANOTHER, ADD, ADD]] {
                    for (max, single_use) in [(32, false), (2, true), (1, false)] {
                        check(max, single_use, before, stopped, &[one, two]);
                    }
                }
            }
        }
    }
}
