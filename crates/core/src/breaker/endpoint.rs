//! Decides what failed offers to one endpoint lead to.
//!
//! | state | event | next |
//! | --- | --- | --- |
//! | any | resumed | closed, and all failures are forgotten |
//! | closed, trial, suspected, probing, pause over | a fatal alert | paused: one minute, doubling up to a day |
//! | closed, trial, pause over | a reset, or a hang | suspected |
//! | suspected | a connection asks | probing: that connection makes no offer, and others do not either |
//! | probing | a handshake without an offer succeeds | paused: one minute, doubling up to ten minutes |
//! | probing | a handshake without an offer fails | as before the suspicion |
//! | probing | no report for ten seconds | the next connection that asks probes |
//! | pause over | a connection asks | trial: that connection may offer, and others may not |
//! | trial | the offer is rejected, or the connection has no session to offer | pause over |
//! | trial | no report for ten seconds | the next connection that asks may offer |
//!
//! Every other event leaves the state as it is: it is news of a handshake that began before the state did.

use super::slots::{State, TIME_UNIT};

const MINUTE: u64 = 60_000;
/// A fatal alert says that the peer rejects the offer on purpose, so its pause may become long.
const MAX_ALERT_PAUSE: u64 = 24 * 60 * MINUTE;
/// An attacker who can reset connections can cause this pause, so it must stay short.
const MAX_BREAK_PAUSE: u64 = 10 * MINUTE;
/// How long a probe or a trial may take before another connection makes the next. Its thread may have ended.
const MAX_REPORT_TIME: u64 = 10_000;

/// Doublings after which a pause is as long as it becomes.
const MAX_ALERTS: u64 = 11;
const MAX_BREAKS: u64 = 4;

/// Whether a connection may offer a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Permission {
    /// It may.
    Offer,
    /// It must not.
    Pause,
    /// It must not, and it is the handshake that shows whether the endpoint is well without an offer. Its outcome is to be
    /// reported as [`FullSucceeded`](super::Outcome::FullSucceeded) or [`FullFailed`](super::Outcome::FullFailed).
    Probe,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Phase {
    #[default]
    Closed,
    Suspected,
    Probing,
    Paused,
    Trial,
}

/// See the [module](self).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct EndpointState {
    phase: Phase,
    /// The end of the phase. Of a suspicion: when it arose.
    until: u64,
    /// How often an alert has led to a pause.
    alerts: u64,
    /// How often a reset or a hang has.
    breaks: u64,
}

impl EndpointState {
    pub(super) fn may_offer(self, is_key_paused: bool, now: u64) -> (Self, Permission) {
        let for_report = |phase| Self { phase, until: now + MAX_REPORT_TIME, ..self };
        match self.phase {
            Phase::Suspected => (for_report(Phase::Probing), Permission::Probe),
            Phase::Probing if now >= self.until => (for_report(Phase::Probing), Permission::Probe),
            // So that no trial is given to a connection that does not offer.
            _ if is_key_paused => (self, Permission::Pause),
            Phase::Closed => (self, Permission::Offer),
            Phase::Paused | Phase::Trial if now >= self.until => {
                (for_report(Phase::Trial), Permission::Offer)
            }
            Phase::Probing | Phase::Paused | Phase::Trial => (self, Permission::Pause),
        }
    }

    pub(super) fn alerted(self, now: u64) -> Self {
        if self.is_paused(now) {
            return self;
        }
        Self {
            phase: Phase::Paused,
            until: now + pause(self.alerts, MAX_ALERT_PAUSE),
            alerts: (self.alerts + 1).min(MAX_ALERTS),
            ..self
        }
    }

    pub(super) fn broken(self, now: u64) -> Self {
        match self.phase {
            Phase::Suspected | Phase::Probing => self,
            Phase::Closed | Phase::Paused | Phase::Trial if self.is_paused(now) => self,
            _ => Self { phase: Phase::Suspected, until: now, ..self },
        }
    }

    pub(super) fn full_succeeded(self, now: u64) -> Self {
        if self.phase != Phase::Probing {
            return self;
        }
        Self {
            phase: Phase::Paused,
            until: now + pause(self.breaks, MAX_BREAK_PAUSE),
            breaks: (self.breaks + 1).min(MAX_BREAKS),
            ..self
        }
    }

    pub(super) fn full_failed(self, now: u64) -> Self {
        if self.phase == Phase::Probing { self.without_pause(now) } else { self }
    }

    pub(super) fn rejected(self, now: u64) -> Self {
        if self.phase == Phase::Trial { self.without_pause(now) } else { self }
    }

    pub(super) fn not_offered(self, now: u64) -> Self {
        self.rejected(now)
    }

    fn is_paused(self, now: u64) -> bool {
        self.phase == Phase::Paused && now < self.until
    }

    /// Keeps how long the next pauses will be.
    fn without_pause(self, now: u64) -> Self {
        match (self.alerts, self.breaks) {
            (0, 0) => Self::default(),
            // A word rounds times up, and the pause is over now.
            _ => Self { phase: Phase::Paused, until: now.saturating_sub(TIME_UNIT), ..self },
        }
    }
}

impl State for EndpointState {
    fn pack(self) -> (u64, u64) {
        (self.phase as u64 | self.alerts << 3 | self.breaks << 7, self.until)
    }

    fn unpack(bits: u64, until: u64) -> Self {
        let phase = match bits & 7 {
            1 => Phase::Suspected,
            2 => Phase::Probing,
            3 => Phase::Paused,
            4 => Phase::Trial,
            _ => Phase::Closed,
        };
        Self { phase, until, alerts: bits >> 3 & 15, breaks: bits >> 7 & 7 }
    }
}

fn pause(doublings: u64, max: u64) -> u64 {
    (MINUTE << doublings).min(max)
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: u64 = MAX_ALERT_PAUSE;

    fn suspected(now: u64) -> EndpointState {
        EndpointState::default().broken(now)
    }

    fn probing(now: u64) -> EndpointState {
        suspected(now).may_offer(false, now).0
    }

    fn permission(state: EndpointState, now: u64) -> Permission {
        state.may_offer(false, now).1
    }

    #[test]
    fn an_alert_pauses_at_once_and_each_further_one_twice_as_long_up_to_a_day() {
        let (mut state, mut now) = (EndpointState::default(), 5);
        for minutes in [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 1440, 1440, 1440] {
            state = state.alerted(now);
            let end = now + minutes * MINUTE;
            assert_eq!(permission(state, end - 1), Permission::Pause, "{minutes}");
            let (trial, permission) = state.may_offer(false, end);
            assert_eq!(permission, Permission::Offer, "{minutes}");
            (state, now) = (trial, end);
        }
        assert_eq!(state.until, now + MAX_REPORT_TIME);
    }

    #[test]
    fn alerts_to_offers_from_before_the_pause_do_not_make_it_longer() {
        let state = EndpointState::default().alerted(0);
        assert_eq!(state.alerted(1), state);
        assert_eq!(state.alerted(MINUTE - 1), state);
        assert_eq!(state.broken(MINUTE - 1), state);
        assert_ne!(state.alerted(MINUTE), state);
    }

    #[test]
    fn a_reset_makes_one_connection_probe_and_others_pause() {
        let (state, first) = suspected(0).may_offer(false, 0);
        assert_eq!(first, Permission::Probe);
        assert_eq!(permission(state, 0), Permission::Pause);
        assert_eq!(permission(state, MAX_REPORT_TIME - 1), Permission::Pause);
        assert_eq!(permission(state, MAX_REPORT_TIME), Permission::Probe);
    }

    #[test]
    fn a_probe_is_made_even_if_the_key_pauses() {
        assert_eq!(suspected(0).may_offer(true, 0).1, Permission::Probe);
        assert_eq!(EndpointState::default().may_offer(true, 0).1, Permission::Pause);
    }

    #[test]
    fn a_probe_that_succeeds_pauses_for_a_minute_and_later_ones_up_to_ten() {
        let (mut state, mut now) = (EndpointState::default(), 0);
        for minutes in [1, 2, 4, 8, 10, 10, 10] {
            state = state.broken(now).may_offer(false, now).0.full_succeeded(now);
            let end = now + minutes * MINUTE;
            assert_eq!(permission(state, end - 1), Permission::Pause, "{minutes}");
            let (trial, permission) = state.may_offer(false, end);
            assert_eq!(permission, Permission::Offer, "{minutes}");
            (state, now) = (trial, end);
        }
    }

    #[test]
    fn a_probe_that_fails_leaves_nothing() {
        assert_eq!(probing(7).full_failed(8), EndpointState::default());
        let paused_before = EndpointState::default().alerted(0);
        let probing = paused_before.broken(2 * MINUTE).may_offer(false, 2 * MINUTE).0;
        let state = probing.full_failed(3 * MINUTE);
        assert_eq!(permission(state, 3 * MINUTE), Permission::Offer);
        assert_eq!((state.alerts, state.breaks), (1, 0));
    }

    #[test]
    fn resets_never_make_the_pause_after_an_alert_longer() {
        let (mut state, mut now) = (EndpointState::default(), 0);
        for _ in 0..20 {
            state = state.broken(now).may_offer(false, now).0.full_succeeded(now);
            now += DAY;
        }
        assert_eq!(state.alerted(now).until, now + MINUTE);
    }

    #[test]
    fn a_full_handshake_means_nothing_but_in_a_probe() {
        for state in [
            EndpointState::default(),
            suspected(0),
            EndpointState::default().alerted(0),
            EndpointState::default().alerted(0).may_offer(false, MINUTE).0,
        ] {
            assert_eq!(state.full_succeeded(1), state);
            assert_eq!(state.full_failed(1), state);
        }
    }

    #[test]
    fn after_a_pause_one_connection_tries_and_others_wait_for_its_outcome() {
        let paused = EndpointState::default().alerted(0);
        let (trial, permission) = paused.may_offer(false, MINUTE);
        assert_eq!(permission, Permission::Offer);
        assert_eq!(trial.may_offer(false, MINUTE).1, Permission::Pause);
        assert_eq!(trial.may_offer(false, MINUTE + MAX_REPORT_TIME).1, Permission::Offer);
        assert_eq!(trial.not_offered(MINUTE).may_offer(false, MINUTE).1, Permission::Offer);
        assert_eq!(trial.rejected(MINUTE).may_offer(false, MINUTE).1, Permission::Offer);
        assert_eq!(paused.may_offer(true, MINUTE), (paused, Permission::Pause), "it does not try");
    }

    #[test]
    fn every_state_survives_a_word() {
        for phase in [Phase::Closed, Phase::Suspected, Phase::Probing, Phase::Paused, Phase::Trial]
        {
            for alerts in 0..=MAX_ALERTS {
                for breaks in 0..=MAX_BREAKS {
                    let state = EndpointState { phase, until: 640, alerts, breaks };
                    let (bits, until) = state.pack();
                    assert!(bits < 1 << 10);
                    assert_eq!(EndpointState::unpack(bits, until), state);
                }
            }
        }
    }
}
