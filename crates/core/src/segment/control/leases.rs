//! Leases in the control file: which connection does the full handshake when connections of several processes to one peer
//! begin at the same time.
//!
//! They follow the rules of the leases of a cache in memory, with one more: the lease of a process that has died is
//! free at once. Its leader was not unproductive, so no pause follows.
//!
//! Each change is one exchange of one word. So a process that dies between two steps leaves a lease, or none.

use crate::segment::owner::{OWNER_BITS, Owner, Owners};
use crate::segment::sync::{AtomicU64, Ordering};
use crate::single_flight::{Leadership, Lease};

/// How many slots in a row the lease of a key may use.
const WAYS: usize = 8;
/// After how many conflicts with other threads a call leaves the key without a leader.
const MAX_CONFLICTS: usize = 64;

/// For how many milliseconds a key has no leader after an unproductive one: ten minutes.
const PAUSE: u64 = 600_000;
/// The longest time that a lease may have left, in milliseconds. What says more is damaged, or of another clock.
const MAX_LEASE: u64 = 60_000;

/// Flag of a lease: it has followers.
const HAS_FOLLOWERS: u64 = 1;
/// Flag of a pause, which is no lease: the last leader was unproductive.
const PAUSED: u64 = 2;
const TAG_SHIFT: u32 = 2;
const TAG_BITS: u32 = 16;
const OWNER_SHIFT: u32 = TAG_SHIFT + TAG_BITS;
const TIME_SHIFT: u32 = OWNER_SHIFT + OWNER_BITS;
const TIME_BITS: u32 = u64::BITS - TIME_SHIFT;
const TIME_MASK: u64 = (1 << TIME_BITS) - 1;
/// Times are kept in units of this many milliseconds, rounded up. They wrap around after 18 hours.
const UNIT: u64 = 16;

const TAG_MASK: u64 = ((1 << TAG_BITS) - 1) << TAG_SHIFT;

/// One word per slot. From the top: its end in units (22 bits), its owner (24), a tag of the key (16), two flags. 0 is free.
pub(crate) struct Leases<'a, O> {
    words: &'a [AtomicU64],
    owners: &'a O,
}

impl<'a, O: Owners> Leases<'a, O> {
    /// Takes the words of the region, which were zeros when the file was made. Each can hold the lease of one key.
    pub(crate) fn new(words: &'a [AtomicU64], owners: &'a O) -> Self {
        Self { words, owners }
    }

    /// Takes the lease of the key with that hash for `millis`, which are at most [`MAX_LEASE`]. `now`: milliseconds since
    /// the start of the machine.
    pub(crate) fn lead(&self, hash: u64, millis: u64, now: u64) -> Leadership {
        for _ in 0..MAX_CONFLICTS {
            let Some((way, word)) = self.find(hash, now) else { return Leadership::Independent };
            let is_of_key = word != 0 && word & TAG_MASK == tag(hash);
            let (then, answer) = if self.is_in_force(word, now) {
                if word & PAUSED != 0 {
                    return Leadership::Independent;
                }
                (word | HAS_FOLLOWERS, Leadership::Follows)
            } else if is_of_key && word & PAUSED == 0 && !self.is_of_dead(word) {
                // Its leader hangs, or its thread has ended.
                let until = unit_of(now + PAUSE);
                (until << TIME_SHIFT | tag(hash) | PAUSED, Leadership::Independent)
            } else {
                let until = unit_of(now + millis.min(MAX_LEASE));
                let mine = self.owners.mine().to_bits() << OWNER_SHIFT;
                (until << TIME_SHIFT | mine | tag(hash), Leadership::Leads(Lease::new(until, way)))
            };
            // Acquire, here and in `find`: pairs with `release`. The next leader in the same slot finds what this one stored.
            let slot = self.slot(hash, way);
            if then == word
                || slot.compare_exchange(word, then, Ordering::Acquire, Ordering::Relaxed).is_ok()
            {
                return answer;
            }
        }
        Leadership::Independent
    }

    /// True if the last leader was unproductive, so that no connection leads now.
    #[cfg(test)]
    pub(crate) fn is_paused(&self, hash: u64, now: u64) -> bool {
        self.find(hash, now)
            .is_some_and(|(_, word)| word & PAUSED != 0 && self.is_in_force(word, now))
    }

    /// Ends a lease of this process. Returns true if it has followers.
    pub(crate) fn release(&self, hash: u64, lease: Lease, is_productive: bool, now: u64) -> bool {
        let slot = self.slot(hash, lease.way());
        let pause = unit_of(now + PAUSE) << TIME_SHIFT | tag(hash) | PAUSED;
        let then = if is_productive { 0 } else { pause };
        let mine = self.owners.mine().to_bits() << OWNER_SHIFT;
        let without_followers = (lease.until() & TIME_MASK) << TIME_SHIFT | mine | tag(hash);
        // Only `HAS_FOLLOWERS` is ever added to a lease, so its word is one of two. Release: pairs with `lead`.
        let replace =
            |word| slot.compare_exchange(word, then, Ordering::Release, Ordering::Relaxed).is_ok();
        !replace(without_followers) && replace(without_followers | HAS_FOLLOWERS)
    }

    /// Returns the slot of a key and its word, or, if it has none, the first slot that it may take.
    fn find(&self, hash: u64, now: u64) -> Option<(usize, u64)> {
        let mut free: Option<(usize, u64)> = None;
        for way in 0..WAYS {
            let word = self.slot(hash, way).load(Ordering::Acquire);
            if word != 0 && word & TAG_MASK == tag(hash) {
                return Some((way, word));
            }
            // An empty slot is better than one that says that the leader of another key hangs.
            let is_better = match free {
                None => !self.is_in_force(word, now),
                Some((_, other)) => word == 0 && other != 0,
            };
            if is_better {
                free = Some((way, word));
            }
        }
        free
    }

    /// True for a pause that is not over, and for a lease that is not over and whose process lives.
    fn is_in_force(&self, word: u64, now: u64) -> bool {
        let longest = if word & PAUSED == 0 { MAX_LEASE } else { PAUSE };
        let left = (word >> TIME_SHIFT).wrapping_sub(now / UNIT) & TIME_MASK;
        word != 0
            && left > 0
            && left <= longest / UNIT + 1
            && (word & PAUSED != 0 || !self.is_of_dead(word))
    }

    fn is_of_dead(&self, word: u64) -> bool {
        !self.owners.is_alive(Owner::from_bits(word >> OWNER_SHIFT))
    }

    fn slot(&self, hash: u64, way: usize) -> &'a AtomicU64 {
        #[expect(clippy::cast_possible_truncation, reason = "a remainder of the number of slots")]
        let first = (hash % self.words.len() as u64) as usize;
        &self.words[(first + way % WAYS) % self.words.len()]
    }
}

/// Never all zeros, so that no word of a lease is that of a free slot.
fn tag(hash: u64) -> u64 {
    (hash >> (u64::BITS - TAG_BITS) | 1) << TAG_SHIFT
}

fn unit_of(millis: u64) -> u64 {
    millis.div_ceil(UNIT) & TIME_MASK
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;
    use crate::segment::owner::TestOwners;
    use crate::segment::stepping::kill_before;

    const HASH: u64 = 0x1234_5678_9abc_def0;

    fn words(count: usize) -> Vec<AtomicU64> {
        (0..count).map(|_| AtomicU64::new(0)).collect()
    }

    fn lease(leadership: Leadership) -> Lease {
        match leadership {
            Leadership::Leads(lease) => Lease::from_bits(lease.to_bits()),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn one_process_leads_and_another_follows_until_the_release() {
        let (words, first) = (words(64), TestOwners::new(1));
        let second = first.other(2, 1);
        let (one, two) = (Leases::new(&words, &first), Leases::new(&words, &second));
        let held = lease(one.lead(HASH, 1000, 5));
        assert_eq!(two.lead(HASH, 1000, 6), Leadership::Follows);
        assert!(!two.release(HASH, held, true, 7), "it is not the lease of this process");
        assert_eq!(two.lead(HASH, 1000, 7), Leadership::Follows);
        assert!(one.release(HASH, held, true, 8));
        lease(two.lead(HASH, 1000, 9));
    }

    #[test]
    fn the_lease_of_a_dead_process_is_free_at_once_without_a_pause() {
        for has_followers in [false, true] {
            let (words, first) = (words(64), TestOwners::new(1));
            let second = first.other(2, 1);
            let two = Leases::new(&words, &second);
            lease(Leases::new(&words, &first).lead(HASH, 1000, 5));
            if has_followers {
                assert_eq!(two.lead(HASH, 1000, 6), Leadership::Follows);
            }
            first.kill(first.mine());
            assert!(!two.is_paused(HASH, 6));
            lease(two.lead(HASH, 1000, 6));
            // Its number was given again. That process is another one, and follows.
            let third = first.other(1, 2);
            assert_eq!(Leases::new(&words, &third).lead(HASH, 1000, 7), Leadership::Follows);
        }
    }

    #[test]
    fn after_a_live_leader_that_was_unproductive_there_is_none_for_ten_minutes() {
        let (words, first) = (words(64), TestOwners::new(1));
        let leases = Leases::new(&words, &first);
        let held = lease(leases.lead(HASH, 1000, 0));
        leases.release(HASH, held, false, 10);
        assert!(leases.is_paused(HASH, PAUSE - 100));
        first.kill(first.mine());
        let second = first.other(2, 1);
        let leases = Leases::new(&words, &second);
        assert_eq!(leases.lead(HASH, 1000, PAUSE - 100), Leadership::Independent);
        lease(leases.lead(HASH, 1000, PAUSE + 2 * UNIT));
    }

    #[test]
    fn after_a_live_leader_that_never_released_there_is_none_for_a_while() {
        let (words, owners) = (words(64), TestOwners::new(1));
        let leases = Leases::new(&words, &owners);
        lease(leases.lead(HASH, 1000, 0));
        assert_eq!(leases.lead(HASH, 1000, 1000 + UNIT), Leadership::Independent);
        assert!(leases.is_paused(HASH, 1100));
    }

    #[test]
    fn a_lease_that_ends_later_than_any_lease_may_is_free() {
        let (words, owners) = (words(64), TestOwners::new(1));
        let leases = Leases::new(&words, &owners);
        lease(leases.lead(HASH, 1000, 100 * MAX_LEASE));
        // Another process reads another clock.
        let other = owners.other(2, 1);
        let theirs = Leases::new(&words, &other);
        assert_ne!(theirs.lead(HASH, 1000, MAX_LEASE), Leadership::Follows);
    }

    /// Each call is killed before each of its steps, and its process is dead then. The next process leads.
    #[test]
    fn a_call_that_was_killed_at_any_step_keeps_no_process_from_leading() {
        for call in ["lead", "release", "give up"] {
            for at in 0..40 {
                let (words, first) = (words(64), TestOwners::new(1));
                let leases = Leases::new(&words, &first);
                let held = (call != "lead").then(|| lease(leases.lead(HASH, 1000, 0)));
                let ended = kill_before(at, || match held {
                    None => _ = leases.lead(HASH, 1000, 0),
                    Some(held) => _ = leases.release(HASH, held, call == "release", 1),
                });
                first.kill(first.mine());
                let second = first.other(2, 1);
                let leadership = Leases::new(&words, &second).lead(HASH, 1000, 2);
                // Only a release that took effect says that the leader was unproductive.
                let is_paused = call == "give up" && leadership == Leadership::Independent;
                assert!(
                    matches!(leadership, Leadership::Leads(_)) || is_paused,
                    "{call} {at}: {leadership:?}"
                );
                if ended.is_some() {
                    break;
                }
                assert!(at < 39, "{call} ends");
            }
        }
    }

    #[test]
    fn keys_without_a_free_slot_have_no_leader() {
        let (words, owners) = (words(8), TestOwners::new(1));
        let leases = Leases::new(&words, &owners);
        let mut led = 0;
        for key in 0..20_u64 {
            match leases.lead(key << 50 | key, 1000, 0) {
                Leadership::Leads(_) => led += 1,
                other => assert_eq!(other, Leadership::Independent),
            }
        }
        assert_eq!(led, 8);
    }
}

#[cfg(all(test, loom))]
mod loom_models {
    use loom::sync::Arc;
    use loom::thread;

    use super::*;
    use crate::segment::owner::TestOwners;

    fn lead(words: &[AtomicU64], owners: &TestOwners) -> bool {
        matches!(Leases::new(words, owners).lead(7, 1000, 1), Leadership::Leads(_))
    }

    #[test]
    fn of_two_processes_that_find_a_dead_leader_one_leads() {
        loom::model(|| {
            let words: Arc<Vec<_>> = Arc::new((0..WAYS).map(|_| AtomicU64::new(0)).collect());
            let first = TestOwners::new(1);
            assert!(lead(&words, &first));
            first.kill(first.mine());
            let (second, third) = (first.other(2, 1), first.other(3, 1));
            let others = Arc::clone(&words);
            let other = thread::spawn(move || lead(&others, &second));
            let leads = lead(&words, &third);
            assert_ne!(leads, other.join().unwrap());
        });
    }
}
