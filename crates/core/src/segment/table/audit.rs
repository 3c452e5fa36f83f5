//! Looks at every slot, for tests.

use super::{Allocate, Phase, Table};
use crate::segment::owner::Owners;

/// What the slots of a table are doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Audit {
    /// Slots with a session.
    pub live: usize,
    /// Slots that a process changes, or changed when it died.
    pub busy: usize,
    /// Empty slots with words that are not zero.
    pub not_wiped: usize,
}

impl<O: Owners, A: Allocate> Table<'_, O, A> {
    /// Looks at every slot. Slots that change at the same time may count as not wiped.
    pub(crate) fn audit(&self) -> Audit {
        let mut audit = Audit::default();
        for index in 0..self.part.len() {
            match self.state(index).phase() {
                Phase::Live => audit.live += 1,
                Phase::Busy => audit.busy += 1,
                Phase::Empty => audit.not_wiped += usize::from(!self.is_wiped(index)),
            }
        }
        audit
    }

    fn is_wiped(&self, index: usize) -> bool {
        // What is not allocated is a hole, which must not be touched.
        let allocated = self.stamp(index).allocated().min(self.part.max_bytes());
        self.slot(index).is_wiped() && self.payload(index).is_wiped(allocated)
    }
}
