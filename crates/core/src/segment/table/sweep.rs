//! Sweeps: remove what has expired, and what dead processes left.

use super::{Allocate, Events, Moment, Phase, Table};
use crate::call_time::Now;
use crate::segment::owner::Owners;
use crate::store::counters::{Count, Removal};

/// How many slots a step looks at.
const STEP: usize = 1024;

impl<O: Owners, A: Allocate> Table<'_, O, A> {
    /// Removes expired sessions, cleared ones and those whose offer never ended, and recovers slots of dead processes. Looks
    /// at some slots from `from` on. Returns how many sessions had expired, and where the next step begins.
    pub(crate) fn sweep_step<N: Now>(&self, from: usize, now: Moment<N>) -> (usize, Option<usize>) {
        let to = self.part.len().min(from.saturating_add(STEP));
        let mut expired = 0;
        for index in from..to {
            let state = self.state(index);
            match state.phase() {
                Phase::Empty => {}
                Phase::Busy => {
                    self.recover_if_dead(index);
                }
                Phase::Live => expired += usize::from(self.sweep_live(index, now)),
            }
        }
        if to < self.part.len() {
            return (expired, Some(to));
        }
        self.counters.add(Count::Sweep);
        (expired, None)
    }

    /// Recovers all slots of dead processes. Returns how many.
    pub(crate) fn recover_all(&self) -> usize {
        (0..self.part.len()).filter(|index| self.recover_if_dead(*index)).count()
    }

    fn recover_if_dead(&self, index: usize) -> bool {
        let state = self.state(index);
        state.phase() == Phase::Busy
            && (state.is_unknown() || !self.owners.is_alive(state.owner()))
            && self.recover(index, state)
    }

    fn sweep_live<N: Now>(&self, index: usize, now: Moment<N>) -> bool {
        let Ok(Some(seen)) = self.snapshot(index, None) else { return false };
        if !self.is_current(&seen, now) {
            return self.remove_seen(&seen, Removal::Expired, now);
        }
        if self.is_poisoned(&seen, now) && self.remove_seen(&seen, Removal::Deleted, now) {
            Events::count(&self.events.poisoned);
        }
        false
    }
}
