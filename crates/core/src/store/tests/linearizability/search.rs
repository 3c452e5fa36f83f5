//! Whether a history can be put in an order that the specification allows and that keeps the order of calls that do
//! not overlap: the search of Wing and Gong (1993), not going twice through what is the same (Lowe 2017).
//!
//! Crates for this (`todc-utils`, `stateright`) want a specification with one outcome a call and one step each; a
//! cache that may forget has neither.

use std::collections::HashSet;

use super::history::{Call, Program};
use super::spec::Spec;

pub(super) fn is_linearizable(program: &Program, calls: &[Call]) -> bool {
    let spec = Spec::new(program, calls);
    let mut been = HashSet::new();
    let mut open = vec![spec.begin()];
    while let Some(point) = open.pop() {
        let waiting = || (0..calls.len()).filter(|at| !point.is_over(*at));
        // Nothing that began after another call ended can go before it.
        let Some(first_end) = waiting().map(|at| calls[at].end).min() else {
            return true;
        };
        for at in waiting().filter(|at| calls[*at].begin < first_end) {
            let new = spec.steps(&point, at).into_iter().filter(|next| been.insert(next.mark()));
            open.extend(new.collect::<Vec<_>>());
        }
    }
    false
}
