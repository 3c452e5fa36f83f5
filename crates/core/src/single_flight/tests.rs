use super::{Leadership, Lease, Leases};
#[cfg(not(loom))]
use super::{PAUSE, SLOTS};
use crate::Key;

fn key() -> Key<'static> {
    Key::new(b"peer").unwrap()
}

fn lead(leases: &Leases, now: u64) -> Lease {
    match leases.lead(key(), 100, now) {
        Leadership::Leads(lease) => lease,
        other => panic!("{other:?}"),
    }
}

#[cfg(not(loom))]
mod alone {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::sync::{Arc, Barrier};
    use std::thread;

    use super::*;

    #[test]
    fn the_first_leads_and_others_follow() {
        let leases = Leases::new();
        let lease = lead(&leases, 0);
        assert_eq!(leases.lead(key(), 100, 99), Leadership::Follows);
        assert!(leases.release(key(), lease, true, 99));
        lead(&leases, 99);
    }

    #[test]
    fn a_release_says_whether_somebody_waits() {
        let leases = Leases::new();
        let lease = lead(&leases, 0);
        assert!(!leases.release(key(), lease, true, 0));
        assert!(!leases.release(key(), lease, true, 0));
    }

    #[test]
    fn a_leader_that_brought_nothing_is_followed_by_none_for_a_while() {
        let leases = Leases::new();
        let lease = lead(&leases, 0);
        assert!(!leases.is_paused(key(), 10));
        leases.release(key(), lease, false, 10);
        assert!(leases.is_paused(key(), 10 + PAUSE - 1));
        assert_eq!(leases.lead(key(), 100, 10 + PAUSE - 1), Leadership::Alone);
        assert!(!leases.is_paused(key(), 10 + PAUSE));
        lead(&leases, 10 + PAUSE);
    }

    #[test]
    fn nobody_waits_for_a_leader_that_never_came_back() {
        let leases = Leases::new();
        let lease = lead(&leases, 0);
        assert_eq!(leases.lead(key(), 100, 100), Leadership::Alone);
        assert_eq!(leases.lead(key(), 100, 101), Leadership::Alone);
        assert!(!leases.release(key(), lease, true, 101), "its lease is over");
        assert_eq!(leases.lead(key(), 100, 102), Leadership::Alone);
        lead(&leases, 100 + PAUSE);
    }

    #[test]
    fn a_lease_released_late_is_still_its_own() {
        let leases = Leases::new();
        let lease = lead(&leases, 0);
        assert_eq!(leases.lead(key(), 100, 1), Leadership::Follows);
        assert!(leases.release(key(), lease, true, 200));
        lead(&leases, 200);
    }

    fn keys() -> impl Iterator<Item = [u8; 4]> {
        (0_u32..).map(u32::to_be_bytes)
    }

    #[test]
    fn hundreds_of_keys_each_have_a_leader_at_once() {
        let leases = Leases::new();
        for bytes in keys().take(512) {
            let key = Key::new(&bytes).unwrap();
            assert!(matches!(leases.lead(key, 100, 0), Leadership::Leads(_)));
            assert_eq!(leases.lead(key, 100, 0), Leadership::Follows);
        }
    }

    #[test]
    fn keys_beyond_the_places_go_alone() {
        let leases = Leases::new();
        let (mut led, mut follow) = (0, 0);
        for bytes in keys().take(2 * SLOTS) {
            match leases.lead(Key::new(&bytes).unwrap(), 100, 0) {
                Leadership::Leads(_) => led += 1,
                Leadership::Alone => {}
                Leadership::Follows => follow += 1,
            }
        }
        assert_eq!(follow, 0, "two keys seldom have one tag, of 2^20");
        assert!(led <= SLOTS && led > SLOTS * 3 / 4, "{led}");
    }

    #[test]
    fn leases_end_in_any_order_and_leave_their_places_to_others() {
        let leases = Leases::new();
        for round in 0..4 {
            let held: Vec<_> = keys()
                .skip(round * SLOTS)
                .take(SLOTS)
                .filter_map(|bytes| match leases.lead(Key::new(&bytes).unwrap(), 100, 0) {
                    Leadership::Leads(lease) => Some((bytes, lease)),
                    _ => None,
                })
                .collect();
            assert!(held.len() > SLOTS * 3 / 4, "{}", held.len());
            let (even, odd): (Vec<_>, Vec<_>) =
                held.into_iter().partition(|(bytes, _)| bytes[3] % 2 == 0);
            for (bytes, lease) in even {
                assert!(!leases.release(Key::new(&bytes).unwrap(), lease, true, 0));
            }
            for (bytes, lease) in odd {
                let key = Key::new(&bytes).unwrap();
                assert_eq!(
                    leases.lead(key, 100, 0),
                    Leadership::Follows,
                    "behind a free place, too"
                );
                assert!(leases.release(key, lease, true, 0));
            }
            assert!(leases.slots.iter().all(|slot| slot.load(Ordering::Relaxed) == 0));
        }
    }

    #[test]
    fn a_lease_survives_the_way_through_a_number() {
        let leases = Leases::new();
        // 2109, for a clock that counts from 1970.
        let late = (1 << 42) - 200;
        let lease = lead(&leases, late);
        assert!(lease.to_bits() < 1 << 53);
        assert_eq!(leases.lead(key(), 100, late), Leadership::Follows);
        assert!(!leases.release(key(), Lease::from_bits(lease.to_bits() ^ 1), true, 0));
        assert!(!leases.release(key(), Lease::from_bits(lease.to_bits() ^ 1 << 10), true, 0));
        assert!(leases.release(key(), Lease::from_bits(lease.to_bits()), true, 0));
    }

    #[test]
    fn of_many_threads_one_leads() {
        for _ in 0..200 {
            let (leases, barrier) = (Arc::new(Leases::new()), Arc::new(Barrier::new(4)));
            let leaders = Arc::new(AtomicUsize::new(0));
            let threads: Vec<_> = (0..4)
                .map(|_| {
                    let (leases, barrier) = (Arc::clone(&leases), Arc::clone(&barrier));
                    let leaders = Arc::clone(&leaders);
                    thread::spawn(move || {
                        barrier.wait();
                        if let Leadership::Leads(_) = leases.lead(key(), 100, 0) {
                            leaders.fetch_add(1, Ordering::Relaxed);
                        }
                    })
                })
                .collect();
            for thread in threads {
                thread.join().unwrap();
            }
            assert_eq!(leaders.load(Ordering::Relaxed), 1);
        }
    }
}

#[cfg(loom)]
mod loom_models {
    use loom::sync::Arc;
    use loom::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
    use loom::thread;

    use super::*;

    /// The cache stands for a flag that orders nothing by itself.
    #[test]
    fn whoever_leads_after_another_finds_what_that_stored() {
        loom::model(|| {
            let shared = Arc::new((Leases::new(), AtomicBool::new(false), AtomicUsize::new(0)));
            let connection = |shared: &(Leases, AtomicBool, AtomicUsize)| {
                let (leases, ticket, handshakes) = shared;
                if let Leadership::Leads(lease) = leases.lead(key(), 100, 0) {
                    if !ticket.load(Ordering::Relaxed) {
                        handshakes.fetch_add(1, Ordering::Relaxed);
                        ticket.store(true, Ordering::Relaxed);
                    }
                    leases.release(key(), lease, true, 0);
                }
            };
            let other = {
                let shared = Arc::clone(&shared);
                thread::spawn(move || connection(&shared))
            };
            connection(&shared);
            other.join().unwrap();
            assert_eq!(shared.2.load(Ordering::Relaxed), 1);
        });
    }

    #[test]
    fn who_waits_is_known_to_the_leader_or_leads_itself() {
        loom::model(|| {
            let leases = Arc::new(Leases::new());
            let lease = lead(&leases, 0);
            let other = {
                let leases = Arc::clone(&leases);
                thread::spawn(move || leases.lead(key(), 100, 0) == Leadership::Follows)
            };
            let somebody_waits = leases.release(key(), lease, true, 0);
            assert_eq!(other.join().unwrap(), somebody_waits);
        });
    }
}
