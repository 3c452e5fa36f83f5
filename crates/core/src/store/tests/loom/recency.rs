//! The search for victims beside insertions, in all interleavings.
//!
//! In these models random numbers are 0, so a search looks at the first node and then at its group.

use loom::sync::Arc;
use loom::thread;

use super::basic::check;
use crate::store::index::node::NodeState;
use crate::store::recency::Recency;
use crate::store::sync::{Ordering, fence};

const ID: u32 = 2;

fn link(recency: &Recency, expires_at: u64) {
    let state = NodeState(0).next();
    recency.begin(ID, state);
    recency.stamp_linked(ID, state, 1);
    fence(Ordering::SeqCst);
    recency.announce(ID, expires_at, true);
}

#[test]
fn a_group_that_was_found_empty_is_found_again_with_an_entry() {
    check(4, || {
        let recency = Arc::new(Recency::new(ID as usize).unwrap());
        // An entry that came and left, so that the group is marked.
        link(&recency, 1);
        recency.end(ID, NodeState(0).next());
        let other = {
            let recency = Arc::clone(&recency);
            thread::spawn(move || {
                let state = NodeState(0).next().next().next();
                recency.begin(ID, state);
                recency.stamp_linked(ID, state, 1);
                fence(Ordering::SeqCst);
                recency.announce(ID, 1, true);
            })
        };
        let _ = recency.oldest_of_sample(ID, 0);
        other.join().unwrap();
        assert_eq!(recency.oldest_of_sample(ID, 0).map(|oldest| oldest.candidate.id), Some(ID));
    });
}

#[test]
fn a_deadline_is_seen_by_a_reader_or_announced_by_its_entry() {
    check(4, || {
        let recency = Arc::new(Recency::new(ID as usize).unwrap());
        let other = {
            let recency = Arc::clone(&recency);
            thread::spawn(move || link(&recency, 5))
        };
        recency.take_earliest_deadline();
        let sees = recency.all(ID).next().is_some();
        other.join().unwrap();
        assert!(sees || recency.earliest_deadline() <= 5);
    });
}
