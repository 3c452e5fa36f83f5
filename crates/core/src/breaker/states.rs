//! The states of endpoints and keys, by hashes of their names. They belong to the process, or to a file.

use super::endpoint::EndpointState;
use super::key::KeyState;
use super::slots::Slots;
use super::{Outcome, Permission};
use crate::segment::sync::AtomicU64;

pub(crate) struct States<W = Box<[AtomicU64]>> {
    endpoints: Slots<W>,
    keys: Slots<W>,
}

impl States {
    pub(super) fn new() -> Self {
        Self { endpoints: Slots::new(), keys: Slots::new() }
    }
}

impl<'a> States<&'a [AtomicU64]> {
    /// Takes words that were zeros at first: one half for endpoints, the other for keys.
    #[cfg_attr(not(target_os = "linux"), allow(dead_code, reason = "there are no files"))]
    pub(crate) fn over(words: &'a [AtomicU64]) -> Self {
        let (endpoints, keys) = words.split_at(words.len() / 2);
        Self { endpoints: Slots::over(endpoints), keys: Slots::over(keys) }
    }
}

impl<W: AsRef<[AtomicU64]>> States<W> {
    pub(crate) fn may_offer(&self, endpoint: u64, key: u64, now: u64) -> Permission {
        let key_state: KeyState = self.keys.read(key, now);
        self.endpoints.update(endpoint, now, |state: EndpointState| {
            state.may_offer(key_state.is_paused(now), now)
        })
    }

    pub(crate) fn report(&self, outcome: Outcome, endpoint: u64, key: u64, now: u64) {
        let of_endpoint = |step: fn(EndpointState, u64) -> EndpointState| {
            self.endpoints.update(endpoint, now, |state| (step(state, now), ()));
        };
        match outcome {
            Outcome::Resumed => {
                self.endpoints.reset(endpoint);
                self.keys.reset(key);
            }
            Outcome::Rejected => {
                of_endpoint(EndpointState::rejected);
                let step = |state: KeyState| (state.rejected(now), ());
                self.keys.update(key, now, step);
            }
            Outcome::NotOffered => of_endpoint(EndpointState::not_offered),
            Outcome::Alerted => of_endpoint(EndpointState::alerted),
            Outcome::Broken => of_endpoint(EndpointState::broken),
            Outcome::FullSucceeded => of_endpoint(EndpointState::full_succeeded),
            Outcome::FullFailed => of_endpoint(EndpointState::full_failed),
        }
    }

    pub(crate) fn forget_endpoint(&self, endpoint: u64) {
        self.endpoints.reset(endpoint);
    }

    pub(crate) fn forget_key(&self, key: u64) {
        self.keys.reset(key);
    }

    pub(crate) fn forget_all(&self) {
        self.endpoints.clear();
        self.keys.clear();
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;
    use crate::segment::stepping::kill_before;
    use crate::segment::sync::Ordering;

    const MINUTE: u64 = 60_000;

    fn words() -> Vec<AtomicU64> {
        (0..256).map(|_| AtomicU64::new(0)).collect()
    }

    #[test]
    fn processes_that_use_the_same_words_know_the_same_failures() {
        let words = words();
        States::over(&words).report(Outcome::Alerted, 5, 6, 0);
        let another = States::over(&words);
        assert_eq!(another.may_offer(5, 6, MINUTE - 1), Permission::Pause);
        assert_eq!(another.may_offer(7, 6, MINUTE - 1), Permission::Offer);
        assert_eq!(another.may_offer(5, 6, 2 * MINUTE), Permission::Offer);
        another.forget_all();
        assert!(words.iter().all(|word| word.load(Ordering::Relaxed) == 0));
    }

    #[test]
    fn a_report_that_was_killed_at_any_step_took_effect_or_did_not() {
        for at in 0..40 {
            let words = words();
            let states = States::over(&words);
            let ended = kill_before(at, || states.report(Outcome::Alerted, 5, 6, 0)).is_some();
            let permission = states.may_offer(5, 6, 0);
            assert!(permission == Permission::Pause || !ended, "{at}");
            states.report(Outcome::Resumed, 5, 6, 0);
            assert_eq!(states.may_offer(5, 6, 0), Permission::Offer);
            if ended {
                return;
            }
        }
        panic!("it ends");
    }

    #[test]
    fn a_probe_of_a_process_that_dies_is_made_by_another_after_ten_seconds() {
        let words = words();
        let states = States::over(&words);
        states.report(Outcome::Broken, 5, 6, 0);
        assert_eq!(states.may_offer(5, 6, 0), Permission::Probe);
        assert_eq!(states.may_offer(5, 6, 9_000), Permission::Pause);
        assert_eq!(states.may_offer(5, 6, 10_000 + 64), Permission::Probe);
    }

    #[test]
    fn a_pause_that_ends_later_than_any_pause_can_is_over() {
        let words = words();
        let states = States::over(&words);
        states.report(Outcome::Alerted, 5, 6, 1000 * MINUTE * 60);
        assert_eq!(states.may_offer(5, 6, 0), Permission::Offer);
    }
}
