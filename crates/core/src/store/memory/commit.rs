//! Memory that is usable only after the system has committed it: on Windows, where it counts against a limit of all processes.

use std::sync::atomic::{AtomicUsize, Ordering};

/// The bytes of a step, and so the most that a region takes without using it.
const STEP: usize = 1 << 20;

/// How many bytes from the start of a region are committed.
#[derive(Default)]
pub(crate) struct Committed(AtomicUsize);

impl Committed {
    /// Makes the first `used` bytes of a region of `all` usable. `commit` asks the system for a range of bytes, and leaves
    /// alone what is committed already. Returns false if the system refuses. No thread waits for another one.
    pub(crate) fn reach(
        &self,
        used: usize,
        all: usize,
        commit: impl FnOnce(usize, usize) -> bool,
    ) -> bool {
        // Acquire: pairs with the release below. The system has committed these bytes.
        let from = self.0.load(Ordering::Acquire);
        if used <= from {
            return true;
        }
        let to = used.checked_next_multiple_of(STEP).map_or(all, |to| to.min(all));
        if !commit(from, to) {
            return false;
        }
        self.0.fetch_max(to, Ordering::Release);
        true
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use super::*;

    #[test]
    fn memory_is_committed_in_steps_up_to_the_end_and_again_after_a_refusal() {
        let (committed, asked) = (Committed::default(), RefCell::new(Vec::new()));
        let all = 3 * STEP + 5;
        let reach = |used, permitted| {
            let is_usable = committed.reach(used, all, |from, to| {
                asked.borrow_mut().push((from, to));
                permitted
            });
            (is_usable, asked.take())
        };
        assert_eq!(reach(1, true), (true, vec![(0, STEP)]));
        assert_eq!(reach(STEP, true), (true, vec![]));
        assert_eq!(reach(STEP + 1, false), (false, vec![(STEP, 2 * STEP)]));
        assert_eq!(reach(STEP, false), (true, vec![]));
        assert_eq!(reach(STEP + 1, true), (true, vec![(STEP, 2 * STEP)]));
        assert_eq!(reach(all, true), (true, vec![(2 * STEP, all)]));
        assert_eq!(reach(all, false), (true, vec![]));
    }

    #[test]
    fn threads_that_reach_at_once_find_all_of_it_committed() {
        let (committed, all) = (Committed::default(), 64 * STEP);
        let pages: Vec<_> = (0..64).map(|_| AtomicUsize::new(0)).collect();
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for used in 1..=64 {
                        assert!(committed.reach(used * STEP, all, |from, to| {
                            for page in &pages[from / STEP..to / STEP] {
                                page.store(1, Ordering::Relaxed);
                            }
                            true
                        }));
                        let is_committed = |page: &AtomicUsize| page.load(Ordering::Relaxed) == 1;
                        assert!(pages[..used].iter().all(is_committed));
                    }
                });
            }
        });
    }
}
