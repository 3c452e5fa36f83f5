//! One process gets the results of the oracle, as long as no set is full.

use std::time::Duration;

use proptest::collection::vec;
use proptest::prelude::*;

use super::fixture::{Memory, Process, at};
use crate::oracle::{Id, Oracle, ReadMode, ReadOutcome};
use crate::read_mode::AnnotatedBuffer;
use crate::segment::owner::TestOwners;
use crate::segment::table::{Hash, MAX_TICKETS, NewSession};
use crate::{
    ANNOTATION_LEN, ByteBudget, Capacity, EntryId, EntryOptions, Key, Options, TicketsPerKey, Ttl,
};

/// Fewer keys than sets, so that no set is ever full.
const KEYS: u8 = 20;
const LONGEST: usize = 1500;

#[derive(Debug, Clone)]
enum Step {
    Store { key: u8, len: usize, own: EntryOptions, replaces: bool, is_annotated: bool },
    Read { key: u8, how: ReadMode, reserve: usize },
    OfferAnnotated { key: u8 },
    RemoveEntry { key: u8, back: usize },
    Contains { key: u8 },
    Remove { key: u8 },
    Clear,
    Sweep,
    Advance { by: u64 },
}

fn a_step() -> impl Strategy<Value = Step> {
    let key = || prop_oneof![0..4_u8, 0..KEYS];
    let len = || prop_oneof![1..20_usize, 1..=LONGEST];
    let how = prop_oneof![Just(ReadMode::Get), Just(ReadMode::Offer), Just(ReadMode::Take)];
    let own = (prop::option::of(1..40_u64), any::<bool>()).prop_map(|(ttl, reusable)| {
        EntryOptions { ttl: ttl.map(Duration::from_millis).and_then(Ttl::new), reusable }
    });
    prop_oneof![
        20 => (key(), len(), own, any::<bool>(), any::<bool>()).prop_map(
            |(key, len, own, replaces, is_annotated)| Step::Store { key, len, own, replaces, is_annotated }
        ),
        12 => (key(), how, prop_oneof![3 => Just(LONGEST), 1 => len()])
            .prop_map(|(key, how, reserve)| Step::Read { key, how, reserve }),
        6 => key().prop_map(|key| Step::OfferAnnotated { key }),
        3 => (key(), 0..4_usize).prop_map(|(key, back)| Step::RemoveEntry { key, back }),
        2 => key().prop_map(|key| Step::Contains { key }),
        1 => key().prop_map(|key| Step::Remove { key }),
        1 => Just(Step::Clear),
        1 => Just(Step::Sweep),
        5 => (0..10_u64).prop_map(|by| Step::Advance { by }),
    ]
}

fn hash(key: u8) -> Hash {
    let high = u64::from(key) * (u64::MAX / u64::from(KEYS));
    Hash { high, low: !high }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_history_has_the_results_of_the_oracle(
        (lifetime, tickets, single_use) in (1..60_u64, 1..=MAX_TICKETS as u64, any::<bool>()),
        history in vec(a_step(), 1..300),
    ) {
        let options = Options {
            max: Capacity::MAX,
            max_bytes: ByteBudget::MAX,
            ttl: Ttl::new(Duration::from_millis(lifetime)).unwrap(),
            tickets_per_key: TicketsPerKey::new(tickets).unwrap(),
            single_use,
            sweep_interval: None,
        };
        let memory = Memory::new(200);
        let process = Process::new(&memory, TestOwners::new(1));
        let (table, mut oracle) = (process.table(), Oracle::new(options));
        let (mut now, mut names) = (0, Vec::<(u8, EntryId, Id)>::new());
        for (serial, step) in history.into_iter().enumerate() {
            let name = |key: u8| [b'k', key];
            match step {
                Step::Store { key, len, own, replaces, is_annotated } => {
                    let blob: Vec<u8> = serial.to_le_bytes()[..2].iter().copied().cycle().take(len).collect();
                    let record = [serial.to_le_bytes()[0] | 1; ANNOTATION_LEN];
                    let annotation = is_annotated.then_some(&record);
                    let others = if replaces { 0 } else { usize::try_from(tickets).unwrap() - 1 };
                    let ttl = own.ttl.map_or(options.ttl, |own| own.min(options.ttl));
                    let new = NewSession { hash: hash(key), annotation, blob: &blob, ttl, is_reusable: own.reusable, others };
                    let id = table.insert(&new, at(now)).unwrap();
                    let name = name(key);
                    let of = Key::new(&name).unwrap();
                    let expected = match (replaces, annotation) {
                        (true, Some(record)) => oracle.put_annotated(of, record, &blob, own, now).ok(),
                        (false, Some(record)) => oracle.add_annotated(of, record, &blob, own, now).ok(),
                        (true, None) => { oracle.put(of, &blob, own, now).unwrap(); None }
                        (false, None) => { oracle.add(of, &blob, own, now).unwrap(); None }
                    };
                    names.extend(expected.map(|expected| (key, id, expected)));
                }
                Step::Read { key, how, reserve } => {
                    let mut out = vec![0; reserve];
                    let read = table.read(hash(key), how, single_use, &mut &mut out[..], at(now));
                    let read = read.map(|len| len.map(|len| out[..len].to_vec()));
                    let expected = oracle.read(Key::new(&name(key)).unwrap(), how, reserve, now);
                    let expected = expected.map(|read| read.map(ReadOutcome::into_blob).map(|blob| blob.to_vec()));
                    prop_assert_eq!(read, expected);
                }
                Step::OfferAnnotated { key } => {
                    let mut out = [0; LONGEST + ANNOTATION_LEN];
                    let offered = table.read(hash(key), ReadMode::Offer, single_use, &mut AnnotatedBuffer(&mut out), at(now));
                    let offered = offered.unwrap().map(|len| out[..len].to_vec());
                    let expected = oracle.offer_annotated(Key::new(&name(key)).unwrap(), out.len(), now).unwrap();
                    prop_assert_eq!(offered, expected.map(|(record, blob)| [&record[..], &blob].concat()));
                }
                Step::RemoveEntry { key, back } => {
                    let named = names.iter().rev().filter(|(of, ..)| *of == key).nth(back);
                    if let Some((_, id, expected)) = named {
                        let removed = table.remove_entry(hash(key), *id, at(now));
                        let of = name(key);
                        prop_assert_eq!(removed, oracle.remove_entry(Key::new(&of).unwrap(), *expected, now));
                    }
                }
                Step::Contains { key } => {
                    let is_there = table.contains(hash(key), at(now));
                    prop_assert_eq!(is_there, oracle.contains(Key::new(&name(key)).unwrap(), now));
                }
                Step::Remove { key } => {
                    let removed = table.remove(hash(key), at(now));
                    prop_assert_eq!(removed, oracle.remove_key(Key::new(&name(key)).unwrap(), now));
                }
                Step::Clear => {
                    table.clear();
                    oracle.clear();
                }
                Step::Sweep => {
                    prop_assert_eq!(process.sweep_at(at(now)), oracle.sweep_step(usize::MAX, now));
                }
                Step::Advance { by } => now += by,
            }
        }
        process.sweep_at(at(now));
        oracle.sweep_step(usize::MAX, now);
        let (size, bytes) = table.usage();
        let stats = crate::Stats { size, bytes, ..process.counters.stats() };
        let expected = oracle.stats();
        prop_assert_eq!((stats.size, stats.bytes), (expected.size, expected.bytes));
        prop_assert_eq!((stats.hits, stats.misses, stats.sets), (expected.hits, expected.misses, expected.sets));
        prop_assert_eq!((stats.takes, stats.deletes, stats.replaced), (expected.takes, expected.deletes, expected.replaced));
        prop_assert_eq!((stats.cleared, stats.evictions), (expected.cleared, expected.evictions));
        prop_assert_eq!(stats.expirations, expected.expirations);
        memory.check_clean();
    }
}
