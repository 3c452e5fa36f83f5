//! The search for an order of calls that the specification allows, and that keeps the order of calls that do not
//! overlap. It is that of Wing and Gong (1993), and visits equal states once (Lowe 2017).
//!
//! Crates such as `todc-utils` and `stateright` need a specification with one outcome and one step per call. A cache that
//! may forget has neither.

use std::collections::HashSet;

use super::history::{Call, Program};
use super::spec::Spec;

pub(super) fn is_linearizable(program: &Program, calls: &[Call]) -> bool {
    let spec = Spec::new(program, calls);
    let mut been = HashSet::new();
    let mut open = vec![spec.begin()];
    while let Some(point) = open.pop() {
        let waiting = || (0..calls.len()).filter(|at| !point.is_over(*at));
        // A call that began after another one ended cannot come before it.
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
