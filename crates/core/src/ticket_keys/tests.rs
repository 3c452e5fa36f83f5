use std::sync::atomic::AtomicBool;
use std::thread;
use std::time::Duration;

use crate::ManualClock;

use super::*;

const HOUR: u64 = 3_600_000;

fn ring(keep: u64) -> (KeyRing, Arc<ManualClock>) {
    let clock = Arc::new(ManualClock::new());
    let every = RotateEvery::new(hours(1));
    (KeyRing::with_clock(every, Keep::new(keep).unwrap(), clock.clone()).unwrap(), clock)
}

fn hours(hours: u64) -> Duration {
    Duration::from_millis(hours * HOUR)
}

/// Returns hours less a millisecond.
fn almost(hours: u64) -> Duration {
    Duration::from_millis(hours * HOUR - 1)
}

fn active(ring: &KeyRing) -> KeyBytes {
    *ring.active().as_bytes()
}

fn find(ring: &KeyRing, key: &KeyBytes) -> Option<u64> {
    let found = ring.find(key.first_chunk().unwrap())?;
    assert_eq!(found.key.as_bytes(), key);
    Some(found.newer)
}

fn insert(ring: &KeyRing, key: &KeyBytes) -> Result<(), KeyRejected> {
    ring.insert(&TicketKey::new(key))
}

/// Replaces the keys by others with their ages in milliseconds.
fn replace(ring: &KeyRing, keys: &[(KeyBytes, i64)], overdue: u32) -> Result<(), KeyRejected> {
    let aged = |(key, age): &_| AgedKey::new(TicketKey::new(key), Activation::of_age(*age));
    ring.replace(&keys.iter().map(aged).collect::<Vec<_>>(), overdue)
}

/// Returns the keys with their ages in milliseconds.
fn export(ring: &KeyRing) -> Vec<(KeyBytes, i64)> {
    let aged = |aged: AgedKey| (*aged.key.as_bytes(), aged.activation.age());
    ring.export().into_iter().map(aged).collect()
}

/// Returns a key whose bytes count from `first`.
fn counting(first: u8) -> KeyBytes {
    std::array::from_fn(|index| first.wrapping_add(u8::try_from(index).unwrap()))
}

#[test]
fn the_active_key_encrypts_and_retired_keys_decrypt() {
    let (ring, _) = ring(3);
    let mut keys = vec![active(&ring)];
    for _ in 0..3 {
        ring.rotate().unwrap();
        keys.push(active(&ring));
    }
    let found: Vec<_> = keys.iter().map(|key| find(&ring, key)).collect();
    assert_eq!(found, [None, Some(2), Some(1), Some(0)]);
    assert_eq!(find(&ring, &counting(0)), None);
    let generations: Vec<_> = ring.keys().iter().map(|key| key.generation).collect();
    assert_eq!(generations, [3, 2, 1]);
}

#[test]
fn a_ring_of_one_key_decrypts_with_its_active_key() {
    let (ring, _) = ring(1);
    let first = active(&ring);
    assert_eq!(find(&ring, &first), Some(0));
    ring.rotate().unwrap();
    assert_eq!((find(&ring, &first), find(&ring, &active(&ring))), (None, Some(0)));
}

#[test]
fn a_key_is_replaced_after_its_time_without_a_rotation() {
    let (ring, clock) = ring(3);
    let first = active(&ring);
    clock.advance(almost(1));
    assert_eq!(active(&ring), first);
    clock.advance(Duration::from_millis(1));
    assert_ne!(active(&ring), first);
    assert_eq!(find(&ring, &first), Some(1));
}

#[test]
fn a_key_decrypts_until_its_time_is_up_without_a_rotation() {
    let (ring, clock) = ring(3);
    let first = active(&ring);
    clock.advance(almost(3));
    assert_eq!(find(&ring, &first), Some(0));
    clock.advance(Duration::from_millis(1));
    assert_eq!(find(&ring, &first), None);
}

#[test]
fn a_tick_rotates_and_wipes_old_keys() {
    let (ring, clock) = ring(3);
    let first = active(&ring);
    clock.advance(hours(1));
    ring.tick();
    assert_eq!(ring.keys().len(), 2);
    clock.advance(hours(2));
    ring.tick();
    assert_eq!(find(&ring, &first), None);
    assert!(!holds(&ring, &first));
    assert_eq!(ring.keys()[0], KeyInfo { generation: 2, age: Duration::ZERO });
}

#[test]
fn without_an_interval_a_key_stays_active() {
    let clock = Arc::new(ManualClock::new());
    let ring = KeyRing::with_clock(None, Keep::new(2).unwrap(), clock.clone()).unwrap();
    let first = active(&ring);
    clock.advance(hours(10_000));
    ring.tick();
    assert_eq!(active(&ring), first);
}

#[test]
fn a_key_that_leaves_is_wiped_when_the_call_returns() {
    let (ring, _) = ring(2);
    let first = active(&ring);
    ring.rotate().unwrap();
    assert!(holds(&ring, &first));
    ring.rotate().unwrap();
    assert!(!holds(&ring, &first));
}

/// True if eight bytes of the key in a row are in the memory of the ring.
fn holds(ring: &KeyRing, key: &KeyBytes) -> bool {
    let (words, _) = key.as_chunks();
    ring.slots.words().any(|word| words.contains(&word.to_ne_bytes()))
}

#[test]
fn a_given_key_becomes_active() {
    let (ring, _) = ring(3);
    insert(&ring, &counting(1)).unwrap();
    assert_eq!(active(&ring), counting(1));
}

#[test]
fn keys_that_are_not_random_are_rejected() {
    let (ring, _) = ring(3);
    let before = active(&ring);
    let mut equal_secrets = counting(0);
    equal_secrets.copy_within(16..32, 32);
    let mut zero_cipher = counting(0);
    zero_cipher[32..].fill(0);
    for key in [[0; TICKET_KEY_LEN], [7; TICKET_KEY_LEN], equal_secrets, zero_cipher] {
        assert_eq!(insert(&ring, &key), Err(KeyRejected::NotRandom));
    }
    assert_eq!(active(&ring), before);
}

#[test]
fn a_key_that_shares_a_part_with_another_is_rejected() {
    let (ring, _) = ring(3);
    insert(&ring, &counting(0)).unwrap();
    for part in [0..16, 16..32, 32..48] {
        let mut key = counting(100);
        key[part.clone()].copy_from_slice(&counting(0)[part]);
        assert_eq!(insert(&ring, &key), Err(KeyRejected::Repeated));
    }
    assert_eq!(ring.keys().len(), 2);
}

#[test]
fn another_ring_takes_over_all_keys_with_their_ages() {
    let (leader, time) = ring(3);
    for _ in 0..2 {
        time.advance(Duration::from_secs(1));
        leader.rotate().unwrap();
    }
    let (follower, its_time) = ring(3);
    let own = active(&follower);
    replace(&follower, &export(&leader), 2).unwrap();
    assert_eq!(active(&follower), active(&leader));
    assert_eq!(find(&follower, &own), None);
    assert!(!holds(&follower, &own));
    let ages = |ring: &KeyRing| export(ring).into_iter().map(|(_, age)| age).collect::<Vec<_>>();
    assert_eq!(ages(&follower), [0, 1000, 2000]);
    assert_eq!(export(&leader), export(&follower));
    // The oldest leaves when its time is up, although this clock started later.
    its_time.advance(Duration::from_millis(3 * HOUR - 2000));
    let then = (3 * HOUR).cast_signed();
    assert_eq!(ages(&follower), [then - 2000, then - 1000]);
}

#[test]
fn a_following_ring_rotates_only_when_its_leader_is_silent() {
    let (leader, time) = ring(3);
    let (follower, its_time) = ring(3);
    replace(&follower, &export(&leader), 2).unwrap();
    let first = active(&leader);
    its_time.advance(hours(1));
    assert_eq!(active(&follower), first);
    time.advance(hours(1));
    let second = active(&leader);
    assert_ne!(second, first);
    replace(&follower, &export(&leader), 2).unwrap();
    assert_eq!((active(&follower), find(&follower, &first)), (second, Some(1)));
    its_time.advance(almost(2));
    assert_eq!(active(&follower), second);
    its_time.advance(Duration::from_millis(1));
    assert_ne!(active(&follower), second);
}

#[test]
fn all_new_keys_are_checked_before_one_is_replaced() {
    let (ring, _) = ring(3);
    let before = export(&ring);
    let mut alike = counting(100);
    alike[..16].copy_from_slice(&counting(0)[..16]);
    let zero = [0; TICKET_KEY_LEN];
    for (keys, refused) in [
        (vec![], KeyRejected::Missing),
        (vec![(counting(0), 0), (zero, 0)], KeyRejected::NotRandom),
        (vec![(counting(0), 0), (alike, 0)], KeyRejected::Repeated),
    ] {
        assert_eq!(replace(&ring, &keys, 2), Err(refused));
        assert_eq!(export(&ring), before);
    }
}

#[test]
fn keys_beyond_the_maximum_are_ignored() {
    let (ring, _) = ring(1);
    replace(&ring, &[(counting(0), 0), (counting(60), 5), (counting(120), 6)], 2).unwrap();
    assert_eq!(export(&ring), [(counting(0), 0), (counting(60), 5)]);
    replace(&ring, &[(counting(120), 0), (counting(180), 1)], 2).unwrap();
    assert_eq!(export(&ring), [(counting(120), 0), (counting(180), 1)]);
}

#[test]
fn a_pending_key_decrypts_before_it_is_active() {
    let (ring, clock) = ring(2);
    let [older, first, next] = [60, 0, 120].map(counting);
    replace(&ring, &[(first, 10), (next, -1000), (older, 20)], 2).unwrap();
    assert_eq!(active(&ring), first);
    assert_eq!([older, first, next].map(|key| find(&ring, &key)), [Some(1), Some(0), Some(0)]);
    assert_eq!(ring.keys().iter().map(|key| key.age.as_millis()).collect::<Vec<_>>(), [10, 0, 20]);
    clock.advance(Duration::from_secs(1));
    replace(&ring, &[(next, 0), (first, 1010)], 2).unwrap();
    assert_eq!(active(&ring), next);
    assert_eq!(export(&ring), [(next, 0), (first, 1010)]);
    assert_eq!([older, first, next].map(|key| find(&ring, &key)), [None, Some(1), Some(0)]);
    // Its time begins when it becomes active.
    clock.advance(almost(2));
    assert_eq!(find(&ring, &next), Some(0));
}

#[test]
fn a_full_ring_that_follows_can_still_rotate() {
    let (ring, _) = ring(2);
    replace(&ring, &[(counting(0), 0), (counting(120), -5), (counting(60), 1)], 2).unwrap();
    for _ in 0..5 {
        ring.rotate().unwrap();
        assert_eq!(ring.keys().len(), 2);
    }
    assert_eq!(find(&ring, &active(&ring)), Some(0));
}

#[test]
fn a_following_ring_waits_as_long_as_its_leader_says() {
    let (ring, clock) = ring(3);
    replace(&ring, &[(counting(0), 0)], 3).unwrap();
    clock.advance(almost(3));
    assert_eq!(active(&ring), counting(0));
    clock.advance(Duration::from_millis(1));
    assert_ne!(active(&ring), counting(0));
}

#[test]
fn a_ring_that_never_rotates_decrypts_with_its_active_key_for_as_long_as_that_encrypts() {
    let (ring, clock) = ring(3);
    replace(&ring, &[(counting(0), 0)], u32::MAX).unwrap();
    clock.advance(hours(1000));
    ring.tick();
    assert_eq!(active(&ring), counting(0));
    assert_eq!(find(&ring, &counting(0)), Some(0));
}

#[test]
fn the_same_keys_change_nothing() {
    let (ring, _) = ring(3);
    ring.rotate().unwrap();
    let before = ring.keys();
    replace(&ring, &export(&ring), 2).unwrap();
    assert_eq!(ring.keys(), before);
}

#[test]
fn keys_of_equal_age_keep_their_order() {
    let (ring, _) = ring(3);
    let keys = [(counting(0), 0), (counting(60), 0), (counting(120), 0)];
    replace(&ring, &keys, 2).unwrap();
    assert_eq!(export(&ring), keys);
    assert_eq!(keys.map(|(key, _)| find(&ring, &key)), [Some(0), Some(1), Some(2)]);
}

#[test]
fn a_key_is_not_printed() {
    let (ring, _) = ring(3);
    assert_eq!(
        format!("{ring:?}"),
        "KeyRing { rotate_every: Some(RotateEvery(3600000)), keep: Keep(3), .. }"
    );
}

/// The bytes of a key follow from the first one, so that a mixture of two would show.
#[test]
fn readers_see_whole_keys_while_others_rotate() {
    const ROTATIONS: u8 = 250;
    let (ring, _) = ring(2);
    insert(&ring, &counting(0)).unwrap();
    insert(&ring, &counting(1)).unwrap();
    let is_over = AtomicBool::new(false);
    thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                while !is_over.load(Ordering::Relaxed) {
                    let key = active(&ring);
                    assert_eq!(key, counting(key[0]));
                    // It may have left by then. `find` checks the secret that it returns.
                    find(&ring, &key);
                }
            });
        }
        for round in 0..40_u32 {
            for first in 2..ROTATIONS {
                // Keys repeat after they have left.
                insert(&ring, &counting(first))
                    .unwrap_or_else(|refused| panic!("{round}: {refused}"));
            }
        }
        is_over.store(true, Ordering::Relaxed);
    });
}
