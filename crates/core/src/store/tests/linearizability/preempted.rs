//! A call is stopped before each of its steps in turn, while another thread makes its calls. So these are all schedules
//! in which one thread is interrupted once.

use super::history::{Call, Operation, Program, Shown};
use super::search::is_linearizable;
use super::{Round, store};
use crate::read_mode::ReadMode;
use crate::store::tests::preemption::scheduler::stop;
use crate::{Capacity, Options, TicketsPerKey};

const GET: Operation = Operation::Read(0, ReadMode::Get);
const OFFER: Operation = Operation::Read(0, ReadMode::Offer);
const TAKE: Operation = Operation::Read(0, ReadMode::Take);
const PUT: Operation = Operation::Put(0);
const ADD: Operation = Operation::Add(0);
const PUT_ANOTHER: Operation = Operation::Put(1);
const REMOVE: Operation = Operation::Remove(0);

const REMOVE_ENTRY: Operation = Operation::RemoveEntry(0);

const ALL: [Operation; 13] = [
    GET,
    OFFER,
    TAKE,
    PUT,
    ADD,
    PUT_ANOTHER,
    REMOVE,
    REMOVE_ENTRY,
    Operation::Contains(0),
    Operation::Len,
    Operation::Clear,
    Operation::Sweep,
    Operation::Advance,
];

/// Reads what is left.
const AFTERWARDS: [Operation; 6] = [Operation::Contains(1), GET, Operation::Len, TAKE, TAKE, TAKE];

const PATIENT: u64 = u64::MAX - 1;

/// Runs a program with two interruptions. The call of the first thread is stopped before its step `first`, then that of the
/// second before its step `second`. The calls of the third run whole, then the second continues, then the first. Returns
/// the history, and whether both calls had that many steps.
fn history(program: &Program, first: u64, second: u64) -> (Vec<Call>, bool, bool) {
    let round = Round::new(store(program));
    let [one, two, three, afterwards] = &program.threads[..] else { unreachable!("four threads") };
    let perform = |thread: usize| round.perform_all(thread, &program.threads[thread]);
    let mut calls = round.perform_all(4, &program.before);
    let (of_one, others) = stop(
        first,
        || round.perform_all(0, one),
        || {
            let (mut of_two, of_three) = stop(second, || round.perform_all(1, two), || perform(2));
            let stopped = of_three.is_some();
            of_two.extend(of_three.unwrap_or_else(|| round.perform_all(2, three)));
            (of_two, stopped)
        },
    );
    calls.extend(of_one);
    let was_stopped = others.is_some();
    let (of_others, was_second) = others.unwrap_or_default();
    calls.extend(of_others);
    calls.extend(round.perform_all(3, afterwards));
    round.subject.reconcile();
    (calls, was_stopped, was_second)
}

/// With a limit of two tickets per key.
fn program(
    max: u64,
    single_use: bool,
    before: &[Operation],
    threads: [&[Operation]; 3],
) -> Program {
    let [one, two, three] = threads.map(<[_]>::to_vec);
    Program {
        options: Options {
            max: Capacity::new(max).unwrap(),
            tickets_per_key: TicketsPerKey::new(2).unwrap(),
            single_use,
            sweep_interval: None,
            ..Options::default()
        },
        before: before.to_vec(),
        threads: vec![one, two, three, AFTERWARDS.to_vec()],
    }
}

fn assert_explained(program: &Program, calls: &[Call], at: (u64, u64)) {
    assert!(
        is_linearizable(program, calls),
        "of {}, stopped before {at:?}: no order of its calls explains\n{}",
        program.options.max.get(),
        Shown(calls)
    );
}

/// Stops the first call before each of its steps, and makes the others there.
fn check(
    max: u64,
    single_use: bool,
    before: &[Operation],
    stopped: Operation,
    others: &[Operation],
) {
    let program = program(max, single_use, before, [&[stopped], others, &[]]);
    for at in 0.. {
        let (calls, was_stopped, _) = history(&program, at, PATIENT);
        if !was_stopped {
            return;
        }
        assert_explained(&program, &calls, (at, PATIENT));
    }
}

/// Stops the first call before each of its steps, there the second before each of its steps, and makes the third there.
fn check_two(max: u64, before: &[Operation], [one, two, three]: [Operation; 3]) {
    let program = program(max, false, before, [&[one], &[two], &[three]]);
    for first in 0.. {
        for second in 0.. {
            let (calls, was_stopped, was_second) = history(&program, first, second);
            if !was_stopped {
                return;
            }
            assert_explained(&program, &calls, (first, second));
            if !was_second {
                break;
            }
        }
    }
}

#[test]
fn one_call_inside_any_other_linearizes() {
    for stopped in ALL {
        for other in ALL {
            check(32, false, &[PUT_ANOTHER, ADD, ADD], stopped, &[other]);
            check(1, false, &[PUT], stopped, &[other]);
        }
    }
}

#[test]
fn an_entry_that_a_clear_has_hidden_is_not_removed() {
    check(32, false, &[PUT], Operation::Clear, &[GET, REMOVE_ENTRY]);
}

#[test]
fn an_offer_marks_only_the_ticket_that_it_returns() {
    check(32, false, &[ADD, ADD], OFFER, &[OFFER, TAKE]);
}

#[test]
#[ignore = "takes long: `npm run test:deep`"]
fn two_calls_inside_any_other_linearize() {
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

#[test]
#[ignore = "takes long: `npm run test:deep`"]
fn one_call_inside_two_others_linearizes() {
    for one in [GET, OFFER, TAKE, PUT, ADD] {
        for two in [TAKE, PUT, ADD, Operation::Clear] {
            for three in [TAKE, PUT] {
                check_two(32, &[PUT], [one, two, three]);
            }
        }
    }
}
