//! What one call after the other does.

use std::sync::atomic::Ordering as StdOrdering;

use super::fixture::{HOUR, Memory, Process, SET, WALL, at, hash};
use crate::read_mode::{AnnotatedBuffer, Destination, ReadMode};
use crate::segment::layout::place_in_set;
use crate::segment::owner::{Owner, Owners, TestOwners};
use crate::segment::sync::Ordering;
use crate::segment::table::insert::NewSession;
use crate::segment::table::read::MAX_PENDING;
use crate::segment::table::{MAX_TICKETS, Moment};
use crate::{ANNOTATION_LEN, BufferTooSmall, EntryId, Rejected, Ttl};

fn one(memory: &Memory) -> Process<'_> {
    Process::new(memory, TestOwners::new(1))
}

#[test]
fn a_session_is_stored_read_and_taken_once() {
    let memory = Memory::new(10);
    let (one, other) = (one(&memory), Process::new(&memory, TestOwners::new(2)));
    for len in [1, 8, 9, 1023, 1024, 1025, 2048] {
        let blob: Vec<u8> = (0..len).map(|at: usize| at.to_le_bytes()[0] ^ 0x55).collect();
        one.store(1, &blob, 0).unwrap();
        assert_eq!(other.get(1).as_ref(), Some(&blob));
        assert_eq!(other.take(1).as_ref(), Some(&blob));
        assert_eq!(one.get(1), None);
        memory.check_clean();
    }
    let stats = other.counters.stats();
    assert_eq!((stats.hits, stats.takes), (14, 7));
    assert_eq!((one.store(1, &[], 0), one.counters.stats().rejected), (Err(Rejected::Empty), 1));
    let too_large = one.store(1, &[0; 5121], 0);
    assert_eq!(too_large, Err(Rejected::TooLarge { len: 5121, max: 5120 }));
}

#[test]
fn a_stored_session_replaces_and_an_added_one_joins() {
    let memory = Memory::new(10);
    let one = one(&memory);
    for ticket in 0..10 {
        one.store(1, &[ticket], MAX_TICKETS - 1).unwrap();
    }
    assert_eq!(one.len(), 8);
    assert_eq!((one.take(1), one.take(1)), (Some(vec![9]), Some(vec![8])));
    one.store(1, b"new", 0).unwrap();
    assert_eq!((one.len(), one.get(1)), (1, Some(b"new".to_vec())));
    let stats = one.counters.stats();
    assert_eq!((stats.sets, stats.takes, stats.replaced), (11, 2, 8));
    assert_eq!(one.table().remove(hash(1), at(0)), 1);
    assert_eq!(one.table().remove(hash(1), at(0)), 0);
    memory.check_clean();
}

/// Memory for a blob. Another process offers a session of the same key between the scan and the copy.
struct Overtaken<'a> {
    out: Vec<u8>,
    other: &'a Process<'a>,
    offered: Option<Vec<u8>>,
}

impl Destination for Overtaken<'_> {
    fn reserve(&mut self, needed: usize) -> Result<&mut [u8], BufferTooSmall> {
        if self.offered.is_none() {
            self.offered = self.other.offer(1);
        }
        self.out.resize(needed, 0);
        Ok(&mut self.out)
    }
}

#[test]
fn of_two_tickets_two_callers_at_once_are_offered_one_each() {
    let memory = Memory::new(10);
    let (one, other) = (one(&memory), Process::new(&memory, TestOwners::new(2)));
    one.store(1, b"first", 7).unwrap();
    one.store(1, b"later", 7).unwrap();
    let mut out = Overtaken { out: Vec::new(), other: &other, offered: None };
    one.table().read(hash(1), ReadMode::Offer, false, &mut out, at(0)).unwrap();
    assert_eq!((out.offered.as_deref(), &out.out[..]), (Some(&b"later"[..]), &b"first"[..]));
    // Both are used now: the newest one is offered again.
    assert_eq!(one.offer(1).as_deref(), Some(&b"later"[..]));
}

#[test]
fn an_annotation_comes_back_only_where_it_is_asked_for() {
    let memory = Memory::new(10);
    let one = one(&memory);
    let ttl = Ttl::DEFAULT;
    let store = |annotation| {
        let new = NewSession {
            hash: hash(1),
            annotation,
            blob: b"blob",
            ttl,
            is_reusable: true,
            others: 0,
        };
        one.table().insert(&new, at(0)).unwrap()
    };
    let offer = || {
        let mut out = [9; 100];
        let out_ref = &mut AnnotatedBuffer(&mut out);
        let len =
            one.table().read(hash(1), ReadMode::Offer, true, out_ref, at(0)).unwrap().unwrap();
        out[..len].to_vec()
    };
    let record = [7; ANNOTATION_LEN];
    store(Some(&record));
    assert_eq!(offer(), [&record[..], b"blob"].concat());
    assert_eq!(one.get(1), Some(b"blob".to_vec()));
    let id = store(None);
    assert_eq!(offer(), [&[0; ANNOTATION_LEN][..], b"blob"].concat());
    assert!(!one.table().remove_entry(hash(1), EntryId::from_bits(id.to_bits() + 1), at(0)));
    assert!(one.table().remove_entry(hash(1), id, at(0)));
    assert_eq!(one.get(1), None);
}

#[test]
fn an_offer_prefers_tickets_that_were_not_offered() {
    let memory = Memory::new(10);
    let one = one(&memory);
    one.store(1, b"a", 7).unwrap();
    one.store(1, b"b", 7).unwrap();
    let offer = |is_single_use| one.read(1, ReadMode::Offer, is_single_use);
    assert_eq!([offer(false), offer(false), offer(false)].map(Option::unwrap), [b"b", b"a", b"b"]);
    assert_eq!([offer(true), offer(true)].map(Option::unwrap), [b"b", b"a"]);
    assert_eq!(offer(true), None);
    memory.check_clean();
}

#[test]
fn a_buffer_that_is_too_small_changes_nothing() {
    let memory = Memory::new(10);
    let one = one(&memory);
    one.store(1, b"four", 0).unwrap();
    for how in [ReadMode::Get, ReadMode::Offer, ReadMode::Take] {
        let mut out = [9; 3];
        let read = one.table().read(hash(1), how, true, &mut &mut out[..], at(0));
        assert_eq!((read.unwrap_err().needed, out), (4, [9; 3]));
    }
    assert_eq!(one.get(1), Some(b"four".to_vec()));
    assert_eq!((one.counters.stats().misses, one.counters.stats().hits), (0, 1));
}

#[test]
fn a_session_expires_by_either_clock() {
    let memory = Memory::new(10);
    let one = one(&memory);
    let get = |now| one.read_at(1, ReadMode::Get, false, now).is_some();
    let boot_only = |millis| Moment { wall: WALL, ..at(millis) };
    let wall_only = |millis| Moment { now: at(0).now, ..at(millis) };
    for (at, expected) in [
        (at(999), true),
        (at(1000), false),
        (boot_only(999), true),
        (boot_only(1000), false),
        (wall_only(1000), false),
        // Another time namespace: only the wall clock counts.
        (Moment { shares_boot_time: false, now: 5, ..at(999) }, true),
        (Moment { shares_boot_time: false, now: 5, ..at(1000) }, false),
        // A clock was set back by an hour, or by a second.
        (Moment { wall: WALL - HOUR, ..at(0) }, false),
        (Moment { wall: WALL - 1000, ..at(0) }, true),
        (Moment { now: at(0).now - 61_000, ..at(0) }, false),
    ] {
        one.store_at(1, b"x", 0, 1000, super::fixture::at(0)).unwrap();
        assert_eq!(get(at), expected);
    }
    let foreign = Moment { shares_boot_time: false, now: 77, ..at(0) };
    one.store_at(1, b"x", 0, 1000, foreign).unwrap();
    assert!(get(at(999)) && !get(at(1000)));
    memory.check_clean();
    assert_eq!(one.counters.stats().expirations, 7);
}

#[test]
fn a_full_set_evicts_the_session_that_is_least_needed() {
    let memory = Memory::new(10);
    let one = one(&memory);
    let mut clock = 0;
    let mut tick = || {
        clock += 10;
        at(clock)
    };
    // Thirteen keys with one session, one with three.
    for key in 0..13 {
        one.store_at(key, b"single", 0, HOUR, tick()).unwrap();
    }
    for ticket in [b"a", b"b", b"c"] {
        one.store_at(20, ticket, 7, HOUR, tick()).unwrap();
    }
    assert_eq!(one.len(), SET as u64);
    one.read_at(20, ReadMode::Offer, false, tick());
    let next = |key, now| one.store_at(key, b"new", 0, HOUR, now).unwrap();
    // The used one of the key that has several, then the unused one, then the least recently used key.
    next(100, tick());
    assert_eq!(one.read_at(20, ReadMode::Get, false, tick()), Some(b"b".to_vec()));
    next(101, tick());
    assert!(one.read_at(20, ReadMode::Get, false, tick()).is_some());
    one.read_at(0, ReadMode::Get, false, tick());
    next(102, tick());
    assert!(one.get(0).is_some() && one.get(1).is_none() && one.get(2).is_some());
    // An expired one goes before all of them.
    one.store_at(103, b"short", 0, 5, at(clock)).unwrap();
    let before = one.counters.stats().evictions;
    one.store_at(104, b"new", 0, HOUR, at(clock + 5)).unwrap();
    assert_eq!((one.counters.stats().evictions, one.counters.stats().expirations), (before, 1));
    // A session that replaces another session of its key evicts nothing else.
    one.store_at(104, b"newer", 0, HOUR, at(clock + 5)).unwrap();
    assert_eq!((one.counters.stats().evictions, one.len()), (before, SET as u64));
}

#[test]
fn a_clear_removes_all_and_what_was_stored_before_it() {
    let memory = Memory::new(100);
    let one = one(&memory);
    for key in 0..50 {
        one.store(key << 58, b"secret", 0).unwrap();
    }
    one.table().clear();
    assert_eq!((one.len(), one.counters.stats().cleared), (0, 50));
    memory.check_clean();
    one.store(1, b"later", 0).unwrap();
    assert_eq!(one.len(), 1);
}

#[test]
fn a_clear_of_a_large_table_is_in_force_at_once_and_wiped_in_steps() {
    let memory = Memory::new(21_000);
    let one = one(&memory);
    let mut keys = (0..40).map(|key| u64::MAX / 40 * key);
    for key in keys.clone() {
        one.store(key, b"old", 0).unwrap();
    }
    assert!(!one.table().clear());
    assert!(one.len() == 0 && one.counters.stats().cleared == 0);
    // A read wipes what it meets.
    assert!(keys.by_ref().take(20).all(|key| one.get(key).is_none()));
    assert_eq!(one.counters.stats().cleared, 20);
    let mut from = Some(0);
    while let Some(start) = from {
        from = one.table().wipe_cleared(start, 1024);
        assert!(from.is_none_or(|next| next == start + 1024));
    }
    assert_eq!(one.counters.stats().cleared, 40);
    memory.check_clean();
}

#[test]
fn a_sweep_removes_what_has_expired() {
    let memory = Memory::new(2000);
    let one = one(&memory);
    for key in 0..100 {
        one.store_at(key << 57, b"x", 0, if key % 2 == 0 { 10 } else { 20 }, at(0)).unwrap();
    }
    assert_eq!((one.sweep_at(at(10)), one.len()), (50, 50));
    assert_eq!((one.sweep_at(at(20)), one.len()), (50, 0));
    assert_eq!(one.counters.stats().sweeps, 2);
    memory.check_clean();
}

#[test]
fn one_process_claims_a_sweep() {
    let memory = Memory::new(1);
    let one = one(&memory);
    let claim = |now| one.table().marks.claim_sweep(1000, now);
    assert_eq!([0, 0, 999, 1000, 1000].map(claim), [true, false, false, true, false]);
    // A time that is too far away is none.
    assert!(claim(500_000) && claim(100));
}

#[test]
fn damaged_sessions_are_misses_and_are_wiped() {
    let memory = Memory::new(10);
    let one = one(&memory);
    let blob = [0x5a; 4500];
    let start = |byte| memory.part.payload(0, byte).start;
    let payload = [0, 1016, 1024, 4096].map(start);
    let words = (1..=5).chain([7]).map(|word| memory.part.slots + place_in_set(0, word));
    for (case, word) in words.clone().chain(payload).enumerate() {
        for how in [ReadMode::Get, ReadMode::Offer, ReadMode::Take] {
            one.store(1, &blob, 0).unwrap();
            let before = memory.words[word].fetch_add(1 << 40, Ordering::SeqCst);
            assert_eq!(one.read(1, how, true), None, "case {case}");
            memory.words[word].store(before, Ordering::SeqCst);
            // What is not wiped because its hash is another one goes with a clear.
            one.table().clear();
            for word in words.clone().chain(payload) {
                memory.words[word].store(0, Ordering::SeqCst);
            }
        }
    }
    assert!(one.events.damaged.load(StdOrdering::SeqCst) >= 15);
}

#[test]
fn without_memory_an_insertion_takes_a_slot_that_has_some_or_is_rejected() {
    let memory = Memory::new(10);
    let one = one(&memory);
    memory.is_full.store(true, StdOrdering::SeqCst);
    assert_eq!(one.store(1, b"x", 0), Err(Rejected::NoRoom));
    assert!(one.events.no_space.load(StdOrdering::SeqCst) > 0);
    memory.is_full.store(false, StdOrdering::SeqCst);
    one.store(1, b"x", 0).unwrap();
    memory.is_full.store(true, StdOrdering::SeqCst);
    one.store(2, b"y", 0).unwrap();
    assert_eq!((one.get(1), one.get(2)), (None, Some(b"y".to_vec())));
    assert_eq!(memory.stamp(0).allocated(), 1024);
    // A longer one needs more than the slot has.
    assert_eq!(one.store(2, &[1; 1500], 0), Err(Rejected::NoRoom));
    assert_eq!(one.get(2), Some(b"y".to_vec()));
}

#[test]
fn an_offer_that_never_ends_is_the_last_one() {
    let memory = Memory::new(10);
    let owners = TestOwners::new(1);
    let two = Process::new(&memory, owners.other(2, 1));
    let three = Process::new(&memory, owners.other(3, 1));
    let one = Process::new(&memory, owners);
    let offers = |by: &Process<'_>, now| by.read_at(1, ReadMode::Offer, false, now).is_some();

    // It is offered while the offerer lives, and after it has settled.
    one.store(1, b"x", 0).unwrap();
    assert!(offers(&two, at(0)) && offers(&one, at(0)) && offers(&two, at(0)));
    two.table().settle(hash(1));
    assert!(offers(&one, at(0)));
    one.table().settle(hash(1));
    // Only the offerer settles.
    assert!(offers(&two, at(0)));
    one.table().settle(hash(1));
    one.owners.kill(two.owners.mine());
    assert!(!offers(&one, at(0)));
    assert_eq!(one.events.poisoned.load(StdOrdering::SeqCst), 1);

    // The sweep finds it as well, and so does an offerer that hangs itself.
    one.store(1, b"x", 0).unwrap();
    assert!(offers(&three, at(0)));
    let late = at((MAX_PENDING + 2) * 1000);
    assert!(offers(&one, at(MAX_PENDING * 1000)));
    assert!(!offers(&three, late));
    one.store(1, b"x", 0).unwrap();
    assert!(offers(&three, at(0)));
    one.owners.kill(three.owners.mine());
    one.sweep_at(at(0));
    assert_eq!(one.get(1), None);
    assert_eq!(one.events.poisoned.load(StdOrdering::SeqCst), 2);
    memory.check_clean();
}

#[test]
fn busy_slots_of_dead_processes_are_recovered_and_others_are_left() {
    let memory = Memory::new(10);
    let owners = TestOwners::new(1);
    let (dead, alive) = (Owner::new(2, 1), Owner::new(2, 2));
    owners.kill(dead);
    let one = Process::new(&memory, owners);
    let words = |owner: Owner, phase: u64| owner.to_bits() << 6 | phase;
    for (index, word) in [
        words(dead, 1),
        words(alive, 1),
        words(alive, 3),
        words(Owner::NONE, 1),
        words(Owner::new(0, 5), 1),
    ]
    .into_iter()
    .enumerate()
    {
        memory.slot(index).state().store(word, Ordering::SeqCst);
        memory.slot(index).record(0).store(5, Ordering::SeqCst);
    }
    assert_eq!(one.table().recover_all(), 4);
    let states = [0, 1, 2, 3, 4].map(|index| memory.slot(index).state().load(Ordering::SeqCst) & 3);
    assert_eq!(states, [0, 1, 0, 0, 0]);
    memory.slot(1).state().store(words(dead, 1), Ordering::SeqCst);
    // An insertion recovers a slot if it needs one.
    for key in 0..SET as u64 {
        one.store(key, b"x", 0).unwrap();
    }
    assert_eq!((one.len(), one.counters.stats().evictions), (SET as u64, 0));
    assert_eq!(one.events.recovered.load(StdOrdering::SeqCst), 5);
}

#[test]
fn garbage_in_all_words_is_harmless() {
    let memory = Memory::new(10);
    let one = one(&memory);
    let mut random = 1_u64;
    let mut next = || {
        random = random.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(0x1405_7b7e_f767_814f);
        random ^ random >> 29
    };
    for _ in 0..300 {
        let slots = memory.part.slots..memory.part.slots + memory.part.len() * 8;
        for word in &memory.words[slots] {
            word.store(next(), Ordering::SeqCst);
        }
        for key in 0..4 {
            let _ = one.store(key, b"x", 0);
            let _ = (one.get(key), one.offer(key), one.take(key));
            one.table().remove(hash(key), at(0));
        }
        one.sweep_at(at(0));
        one.table().usage();
    }
}
