//! Decides what rejections of the sessions of one key lead to.
//!
//! An offer costs a tenth of a full handshake. So after 20 rejections in a row offers pause for 5 seconds. Each further
//! rejection doubles the pause, up to a minute. Behind a load balancer one of several servers knows a session, so fewer
//! rejections mean nothing. A resumption resets the count.

use super::slots::State;

const THRESHOLD: u64 = 20;
const FIRST_PAUSE: u64 = 5_000;
const MAX_PAUSE: u64 = 60_000;
/// Doublings after which the pause is as long as it becomes.
const MAX_DOUBLINGS: u64 = 4;

/// See the [module](self).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct KeyState {
    rejections: u64,
    doublings: u64,
    /// The end of the pause, or 0.
    until: u64,
}

impl KeyState {
    pub(super) fn is_paused(self, now: u64) -> bool {
        now < self.until
    }

    pub(super) fn rejected(self, now: u64) -> Self {
        if self.is_paused(now) {
            // It was offered before the pause began.
            return self;
        }
        if self.rejections + 1 < THRESHOLD {
            return Self { rejections: self.rejections + 1, ..self };
        }
        Self {
            rejections: THRESHOLD - 1,
            doublings: (self.doublings + 1).min(MAX_DOUBLINGS),
            until: now + (FIRST_PAUSE << self.doublings).min(MAX_PAUSE),
        }
    }
}

impl State for KeyState {
    fn pack(self) -> (u64, u64) {
        (self.rejections | self.doublings << 5, self.until)
    }

    fn unpack(bits: u64, until: u64) -> Self {
        Self { rejections: bits & 31, doublings: bits >> 5 & 7, until }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn twenty_rejections_pause_and_further_ones_for_twice_as_long_up_to_a_minute() {
        let (mut state, mut now) = (KeyState::default(), 10);
        for _ in 0..THRESHOLD - 1 {
            state = state.rejected(now);
            assert!(!state.is_paused(now));
        }
        for seconds in [5, 10, 20, 40, 60, 60, 60] {
            state = state.rejected(now);
            let end = now + seconds * 1000;
            assert!(state.is_paused(end - 1) && !state.is_paused(end), "{seconds}");
            assert_eq!(state.rejected(end - 1), state, "offered before the pause");
            now = end;
        }
    }

    #[test]
    fn every_state_survives_a_word() {
        let mut state = KeyState::default();
        for now in (0..40).map(|step| step * 64_000) {
            state = state.rejected(now);
            let (bits, until) = state.pack();
            assert!(bits > 0 && bits < 1 << 10);
            assert_eq!(KeyState::unpack(bits, until), state);
        }
    }
}
