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
mod without_loom {
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
    fn a_release_returns_whether_the_lease_has_followers() {
        let leases = Leases::new();
        let lease = lead(&leases, 0);
        assert!(!leases.release(key(), lease, true, 0));
        assert!(!leases.release(key(), lease, true, 0));
    }

    #[test]
    fn after_an_unproductive_leader_there_is_none_for_a_while() {
        let leases = Leases::new();
        let lease = lead(&leases, 0);
        assert!(!leases.is_paused(key(), 10));
        leases.release(key(), lease, false, 10);
        assert!(leases.is_paused(key(), 10 + PAUSE - 1));
        assert_eq!(leases.lead(key(), 100, 10 + PAUSE - 1), Leadership::Independent);
        assert!(!leases.is_paused(key(), 10 + PAUSE));
        lead(&leases, 10 + PAUSE);
    }

    #[test]
    fn after_a_leader_that_never_released_there_is_none_for_a_while() {
        let leases = Leases::new();
        let lease = lead(&leases, 0);
        assert_eq!(leases.lead(key(), 100, 100), Leadership::Independent);
        assert_eq!(leases.lead(key(), 100, 101), Leadership::Independent);
        assert!(!leases.release(key(), lease, true, 101), "its lease is over");
        assert_eq!(leases.lead(key(), 100, 102), Leadership::Independent);
        lead(&leases, 100 + PAUSE);
    }

    #[test]
    fn a_lease_can_be_released_after_its_end() {
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
    fn hundreds_of_keys_have_leaders_at_the_same_time() {
        let leases = Leases::new();
        for bytes in keys().take(512) {
            let key = Key::new(&bytes).unwrap();
            assert!(matches!(leases.lead(key, 100, 0), Leadership::Leads(_)));
            assert_eq!(leases.lead(key, 100, 0), Leadership::Follows);
        }
    }

    #[test]
    fn keys_without_a_free_slot_have_no_leader() {
        let leases = Leases::new();
        let (mut led, mut follow) = (0, 0);
        for bytes in keys().take(2 * SLOTS) {
            match leases.lead(Key::new(&bytes).unwrap(), 100, 0) {
                Leadership::Leads(_) => led += 1,
                Leadership::Independent => {}
                Leadership::Follows => follow += 1,
            }
        }
        assert_eq!(follow, 0, "two keys seldom have one tag, of 2^20");
        assert!(led <= SLOTS && led > SLOTS * 3 / 4, "{led}");
    }

    #[test]
    fn leases_end_in_any_order_and_free_their_slots() {
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
                    "also behind a free slot"
                );
                assert!(leases.release(key, lease, true, 0));
            }
            assert!(leases.slots.iter().all(|slot| slot.load(Ordering::Relaxed) == 0));
        }
    }

    #[test]
    fn a_lease_survives_the_conversion_to_a_number() {
        let leases = Leases::new();
        let late = (1 << 42) - 200;
        let lease = lead(&leases, late);
        assert!(lease.to_bits() < 1 << 53);
        assert_eq!(leases.lead(key(), 100, late), Leadership::Follows);
        assert!(!leases.release(key(), Lease::from_bits(lease.to_bits() ^ 1), true, 0));
        assert!(!leases.release(key(), Lease::from_bits(lease.to_bits() ^ 1 << 10), true, 0));
        assert!(leases.release(key(), Lease::from_bits(lease.to_bits()), true, 0));
    }

    #[test]
    fn at_any_time_of_a_clock_one_leads_until_its_lease_ends() {
        for now in [0, (1 << 41) - 50, (1 << 42) - 50, 1 << 42, (1 << 50) + 3, u64::MAX - 50] {
            let leases = Leases::new();
            let lease = lead(&leases, now);
            assert!(lease.to_bits() < 1 << 53);
            assert_eq!(leases.lead(key(), 100, now.wrapping_add(99)), Leadership::Follows);
            assert!(leases.release(key(), lease, false, now));
            assert!(leases.is_paused(key(), now.wrapping_add(PAUSE - 1)));
            lead(&leases, now.wrapping_add(PAUSE));
        }
    }

    #[test]
    fn of_many_threads_exactly_one_leads() {
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

    /// A flag stands for the cache, and orders nothing by itself.
    #[test]
    fn the_next_leader_finds_what_the_last_one_stored() {
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
    fn a_follower_is_known_to_the_leader_or_leads_itself() {
        loom::model(|| {
            let leases = Arc::new(Leases::new());
            let lease = lead(&leases, 0);
            let other = {
                let leases = Arc::clone(&leases);
                thread::spawn(move || leases.lead(key(), 100, 0) == Leadership::Follows)
            };
            let has_followers = leases.release(key(), lease, true, 0);
            assert_eq!(other.join().unwrap(), has_followers);
        });
    }
}
