use std::time::Duration;

use super::{OfferBreaker, Outcome, Permission};

const ENDPOINT: &[u8] = b"peer.example:443";
const KEY: &[u8] = b"key";

fn may_offer(breaker: &OfferBreaker, now: u64) -> Permission {
    ask(breaker, ENDPOINT, KEY, now)
}

fn ask(breaker: &OfferBreaker, endpoint: &[u8], key: &[u8], now: u64) -> Permission {
    breaker.may_offer(endpoint, key, millis(now))
}

fn report(breaker: &OfferBreaker, outcome: Outcome, now: u64) {
    breaker.report(outcome, ENDPOINT, KEY, millis(now));
}

fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

#[cfg(not(loom))]
mod alone {
    use std::thread;

    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;
    use crate::breaker::slots::{SLOTS, TIME_UNIT};

    const MINUTE: u64 = 60_000;

    #[test]
    fn endpoints_fail_apart_and_keys_are_rejected_apart() {
        let breaker = OfferBreaker::new();
        report(&breaker, Outcome::Alerted, 0);
        assert_eq!(may_offer(&breaker, 0), Permission::Pause);
        assert_eq!(ask(&breaker, ENDPOINT, b"another", 0), Permission::Pause);
        assert_eq!(ask(&breaker, b"another", KEY, 0), Permission::Offer);
        for _ in 0..20 {
            breaker.report(Outcome::Rejected, b"another", KEY, millis(0));
        }
        assert_eq!(ask(&breaker, b"another", KEY, 4999), Permission::Pause);
        assert_eq!(ask(&breaker, b"another", b"another", 0), Permission::Offer);
        assert_eq!(ask(&breaker, b"another", KEY, 5000 + TIME_UNIT), Permission::Offer);
    }

    #[test]
    fn one_resumption_resets_the_endpoint_and_the_key() {
        let breaker = OfferBreaker::new();
        (0..20).for_each(|_| report(&breaker, Outcome::Rejected, 0));
        for now in [0, 2 * MINUTE, 5 * MINUTE] {
            report(&breaker, Outcome::Alerted, now);
        }
        report(&breaker, Outcome::Resumed, 5 * MINUTE);
        assert_eq!(may_offer(&breaker, 5 * MINUTE), Permission::Offer);
        report(&breaker, Outcome::Alerted, 5 * MINUTE);
        assert_eq!(may_offer(&breaker, 6 * MINUTE + TIME_UNIT), Permission::Offer, "a first pause");
        report(&breaker, Outcome::Resumed, 6 * MINUTE);
        (0..19).for_each(|_| report(&breaker, Outcome::Rejected, 6 * MINUTE));
        assert_eq!(may_offer(&breaker, 6 * MINUTE), Permission::Offer, "it counts from 0");
    }

    #[test]
    fn the_clock_may_begin_at_any_time() {
        for origin in [0, (1 << 40) - 1, (1 << 41) - MINUTE, 1 << 42, (1 << 45) - 1, 1 << 60] {
            let breaker = OfferBreaker::new();
            report(&breaker, Outcome::Alerted, origin);
            assert_eq!(may_offer(&breaker, origin + MINUTE - 1), Permission::Pause, "{origin}");
            assert_eq!(may_offer(&breaker, origin + MINUTE + TIME_UNIT), Permission::Offer);
        }
    }

    #[test]
    fn an_endpoint_is_forgotten_without_its_keys() {
        let breaker = OfferBreaker::new();
        let fail = || {
            report(&breaker, Outcome::Alerted, 0);
            (0..20).for_each(|_| report(&breaker, Outcome::Rejected, 0));
        };
        fail();
        breaker.forget_endpoint(ENDPOINT);
        assert_eq!(may_offer(&breaker, 0), Permission::Pause, "the key is not");
        breaker.forget_key(KEY);
        assert_eq!(may_offer(&breaker, 0), Permission::Offer);
        fail();
        breaker.forget_all();
        assert_eq!(may_offer(&breaker, 0), Permission::Offer);
    }

    #[test]
    fn news_of_many_endpoints_displaces_old_news_but_no_pause() {
        let breaker = OfferBreaker::new();
        let names = |from: u32| (from..).map(u32::to_be_bytes);
        let is_paused = |name: &[u8], now| ask(&breaker, name, KEY, now) == Permission::Pause;
        for name in names(0).take(SLOTS * 2) {
            breaker.report(Outcome::Alerted, &name, KEY, millis(0));
        }
        let paused: Vec<_> = names(0).take(SLOTS * 2).filter(|name| is_paused(name, 1)).collect();
        assert!(paused.len() > SLOTS * 3 / 4 && paused.len() <= SLOTS + SLOTS / 64);
        for name in names(1 << 20).take(SLOTS) {
            breaker.report(Outcome::Alerted, &name, KEY, millis(1));
        }
        assert!(paused.iter().all(|name| is_paused(name, 2)));
        let later = 2 * MINUTE;
        let recorded = names(1 << 24).take(SLOTS / 2).filter(|name| {
            breaker.report(Outcome::Alerted, name, KEY, millis(later));
            is_paused(name, later + 1)
        });
        assert!(recorded.count() > SLOTS / 2 - SLOTS / 64);
    }

    #[test]
    fn of_many_threads_one_probes() {
        for _ in 0..300 {
            let breaker = OfferBreaker::new();
            report(&breaker, Outcome::Broken, 0);
            let permissions: Vec<_> = thread::scope(|scope| {
                let ask = || may_offer(&breaker, 0);
                let threads: Vec<_> = (0..4).map(|_| scope.spawn(ask)).collect();
                threads.into_iter().map(|thread| thread.join().unwrap()).collect()
            });
            let count = |what| permissions.iter().filter(|it| **it == what).count();
            assert_eq!((count(Permission::Probe), count(Permission::Offer)), (1, 0));
        }
    }

    fn an_outcome() -> impl Strategy<Value = Outcome> {
        prop_oneof![
            Just(Outcome::Rejected),
            Just(Outcome::NotOffered),
            Just(Outcome::Alerted),
            Just(Outcome::Broken),
            Just(Outcome::FullSucceeded),
            Just(Outcome::FullFailed),
        ]
    }

    /// How long offers pause at most from `now` on.
    fn longest_pause(breaker: &OfferBreaker, now: u64) -> u64 {
        let answers =
            |after: &u64| ask(breaker, ENDPOINT, b"a fresh key", now + after) != Permission::Pause;
        let minutes = (0..=24 * 60 + 1).map(|minutes| minutes * MINUTE);
        minutes.into_iter().find(answers).expect("every pause ends")
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn whatever_happens_a_pause_ends_within_a_day(
            history in vec((an_outcome(), 0..3 * MINUTE, any::<bool>()), 0..60),
        ) {
            let breaker = OfferBreaker::new();
            let mut now = 0;
            for (outcome, after, asks) in history {
                now += after;
                if asks {
                    may_offer(&breaker, now);
                }
                report(&breaker, outcome, now);
            }
            prop_assert!(longest_pause(&breaker, now) <= 24 * 60 * MINUTE + MINUTE);
        }

        #[test]
        fn without_alerts_a_pause_ends_within_ten_minutes(
            history in vec((an_outcome(), 0..15 * MINUTE, any::<bool>()), 0..60),
        ) {
            let breaker = OfferBreaker::new();
            let mut now = 0;
            for (outcome, after, asks) in history {
                now += after;
                if asks {
                    may_offer(&breaker, now);
                }
                if outcome != Outcome::Alerted {
                    report(&breaker, outcome, now);
                }
            }
            prop_assert!(longest_pause(&breaker, now) <= 11 * MINUTE);
        }
    }
}

#[cfg(loom)]
mod loom_models {
    use loom::sync::Arc;
    use loom::thread;

    use super::*;

    fn beside<T: 'static>(
        breaker: &Arc<OfferBreaker>,
        what: impl FnOnce(&OfferBreaker) -> T + 'static,
    ) -> thread::JoinHandle<T> {
        let breaker = Arc::clone(breaker);
        thread::spawn(move || what(&breaker))
    }

    #[test]
    fn of_two_connections_after_a_reset_one_probes_and_none_offers() {
        loom::model(|| {
            let breaker = Arc::new(OfferBreaker::new());
            report(&breaker, Outcome::Broken, 0);
            let other = beside(&breaker, |breaker| may_offer(breaker, 0));
            let both = [may_offer(&breaker, 0), other.join().unwrap()];
            assert!(both.contains(&Permission::Probe) && both.contains(&Permission::Pause));
        });
    }

    #[test]
    fn two_alerts_at_once_make_one_pause() {
        loom::model(|| {
            let breaker = Arc::new(OfferBreaker::new());
            let other = beside(&breaker, |breaker| report(breaker, Outcome::Alerted, 0));
            report(&breaker, Outcome::Alerted, 0);
            other.join().unwrap();
            assert_eq!(may_offer(&breaker, 59_999), Permission::Pause);
            assert_eq!(may_offer(&breaker, 61_000), Permission::Offer);
        });
    }

    #[test]
    fn a_probe_that_succeeds_while_another_connection_asks_pauses() {
        loom::model(|| {
            let breaker = Arc::new(OfferBreaker::new());
            report(&breaker, Outcome::Broken, 0);
            assert_eq!(may_offer(&breaker, 0), Permission::Probe);
            let other = beside(&breaker, |breaker| may_offer(breaker, 0));
            report(&breaker, Outcome::FullSucceeded, 0);
            assert_eq!(other.join().unwrap(), Permission::Pause);
            assert_eq!(may_offer(&breaker, 59_999), Permission::Pause);
        });
    }
}
