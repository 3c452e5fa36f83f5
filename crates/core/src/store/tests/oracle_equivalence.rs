//! One thread gets the results of the oracle, down to the choice of victims.

use proptest::collection::vec;
use proptest::prelude::*;

use std::collections::HashMap;
use std::time::Duration;

use crate::oracle::{Id, Oracle, ReadMode, ReadOutcome};
use crate::read_mode::AnnotatedBuffer;
use crate::store::Store;
use crate::{
    ANNOTATION_LEN, BufferTooSmall, ByteBudget, Capacity, EntryId, EntryOptions, Key, Options,
    TicketsPerKey, Ttl,
};

#[derive(Debug, Clone)]
enum Step {
    Put(u8, usize, EntryOptions),
    Add(u8, usize, EntryOptions),
    PutAnnotated(u8, usize, EntryOptions),
    AddAnnotated(u8, usize, EntryOptions),
    OfferAnnotated(u8, usize),
    /// Removes an annotated entry of the key, counted from the last one.
    RemoveEntry(u8, usize),
    Read(u8, ReadMode, usize),
    Contains(u8),
    Remove(u8),
    Clear,
    Sweep,
    Advance(u64),
}

const LONGEST: usize = 600;

fn a_len() -> impl Strategy<Value = usize> {
    prop_oneof![0..20_usize, 0..=LONGEST]
}

fn a_step() -> impl Strategy<Value = Step> {
    let key = || prop_oneof![0..5_u8, 0..80_u8];
    let how = prop_oneof![Just(ReadMode::Get), Just(ReadMode::Offer), Just(ReadMode::Take)];
    let own = || {
        (prop::option::of(1..40_u64), any::<bool>()).prop_map(|(ttl, reusable)| EntryOptions {
            ttl: ttl.and_then(|ttl| Ttl::new(Duration::from_millis(ttl))),
            reusable,
        })
    };
    let reserve = || prop_oneof![3 => Just(LONGEST), 1 => a_len()];
    prop_oneof![
        80 => (key(), a_len(), own()).prop_map(|(key, len, own)| Step::Put(key, len, own)),
        90 => (key(), a_len(), own()).prop_map(|(key, len, own)| Step::Add(key, len, own)),
        60 => (key(), a_len(), own()).prop_map(|(key, len, own)| Step::PutAnnotated(key, len, own)),
        60 => (key(), a_len(), own()).prop_map(|(key, len, own)| Step::AddAnnotated(key, len, own)),
        60 => (key(), reserve()).prop_map(|(key, reserve)| Step::OfferAnnotated(key, reserve)),
        40 => (key(), 0..4_usize).prop_map(|(key, back)| Step::RemoveEntry(key, back)),
        120 => (key(), how, reserve()).prop_map(|(key, how, reserve)| Step::Read(key, how, reserve)),
        20 => key().prop_map(Step::Contains),
        10 => key().prop_map(Step::Remove),
        2 => Just(Step::Clear),
        10 => Just(Step::Sweep),
        50 => (0..10_u64).prop_map(Step::Advance),
    ]
}

fn some_options() -> impl Strategy<Value = Options> {
    let bytes = prop_oneof![1..80_u64, 1..8_000_u64, Just(1 << 20)];
    (1..65_u64, bytes, 1..60_u64, 1..6_u64, any::<bool>()).prop_map(
        |(entries, bytes, lifetime, per_key, single_use)| Options {
            max: Capacity::new(entries).unwrap(),
            max_bytes: ByteBudget::new(bytes).unwrap(),
            ttl: Ttl::new(Duration::from_millis(lifetime)).unwrap(),
            tickets_per_key: TicketsPerKey::new(per_key).unwrap(),
            single_use,
            sweep_interval: None,
        },
    )
}

/// Makes blobs that differ in any two insertions of a history, if they are longer than a byte.
fn blob(serial: usize, len: usize) -> Vec<u8> {
    serial.to_le_bytes()[..2].iter().copied().cycle().take(len).collect()
}

fn read_from_oracle(
    oracle: &mut Oracle,
    key: Key<'_>,
    how: ReadMode,
    reserve: usize,
    now: u64,
) -> Result<Option<Vec<u8>>, BufferTooSmall> {
    let handed = oracle.read(key, how, reserve, now)?;
    Ok(handed.map(ReadOutcome::into_blob).map(|blob| blob.to_vec()))
}

fn read(
    store: &Store,
    key: Key<'_>,
    how: ReadMode,
    reserve: usize,
    now: u64,
) -> Result<Option<Vec<u8>>, BufferTooSmall> {
    let mut out = vec![0; reserve];
    let read = store.read(key, how, &mut &mut out[..], now);
    Ok(read?.map(|len| out[..len].to_vec()))
}

fn annotation(serial: usize) -> [u8; ANNOTATION_LEN] {
    [serial.to_le_bytes()[0] | 1; ANNOTATION_LEN]
}

fn offer_annotated(
    store: &Store,
    key: Key<'_>,
    reserve: usize,
    now: u64,
) -> Result<Option<Vec<u8>>, BufferTooSmall> {
    let mut out = vec![1; reserve];
    let read = store.read(key, ReadMode::Offer, &mut AnnotatedBuffer(&mut out), now);
    Ok(read?.map(|len| out[..len].to_vec()))
}

/// The names that both give the annotated entries of each key, in the order of insertion.
type Names = HashMap<u8, Vec<(EntryId, Id)>>;

proptest! {
    // A failing history is shrunk and printed, which suffices to make a test of it.
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_history_has_the_results_of_the_oracle(
        options in some_options(),
        buckets in prop_oneof![Just([1, 1]), Just([1, 4]), Just([1, 64]), Just([64, 64])],
        history in vec(a_step(), 1..600),
    ) {
        let store = Store::with(options, [7; 16], buckets).unwrap();
        let mut oracle = Oracle::new(options);
        let (mut now, mut names) = (0, Names::new());
        for (serial, step) in history.into_iter().enumerate() {
            let name = |key: &u8| [b'k', *key];
            match &step {
                Step::Put(key, len, own) => {
                    let (name, blob) = (name(key), blob(serial, *len));
                    let key = Key::new(&name).unwrap();
                    let expected = oracle.put(key, &blob, *own, now).map(|()| oracle.sweep_is_due());
                    prop_assert_eq!(store.put(key, &blob, *own, now), expected);
                }
                Step::Add(key, len, own) => {
                    let (name, blob) = (name(key), blob(serial, *len));
                    let key = Key::new(&name).unwrap();
                    let expected = oracle.add(key, &blob, *own, now).map(|()| oracle.sweep_is_due());
                    prop_assert_eq!(store.add(key, &blob, *own, now), expected);
                }
                Step::PutAnnotated(of, len, own) => {
                    let (name, blob, annotation) = (name(of), blob(serial, *len), annotation(serial));
                    let key = Key::new(&name).unwrap();
                    let expected = oracle.put_annotated(key, &annotation, &blob, *own, now);
                    let stored = store.put_annotated(key, &annotation, &blob, *own, now);
                    prop_assert_eq!(stored.as_ref().err(), expected.as_ref().err());
                    if let (Ok(stored), Ok(expected)) = (stored, expected) {
                        prop_assert_eq!(stored.sweep_is_due, oracle.sweep_is_due());
                        names.entry(*of).or_default().push((stored.id, expected));
                    }
                }
                Step::AddAnnotated(of, len, own) => {
                    let (name, blob, annotation) = (name(of), blob(serial, *len), annotation(serial));
                    let key = Key::new(&name).unwrap();
                    let expected = oracle.add_annotated(key, &annotation, &blob, *own, now);
                    let stored = store.add_annotated(key, &annotation, &blob, *own, now);
                    prop_assert_eq!(stored.as_ref().err(), expected.as_ref().err());
                    if let (Ok(stored), Ok(expected)) = (stored, expected) {
                        prop_assert_eq!(stored.sweep_is_due, oracle.sweep_is_due());
                        names.entry(*of).or_default().push((stored.id, expected));
                    }
                }
                Step::OfferAnnotated(key, reserve) => {
                    let name = name(key);
                    let key = Key::new(&name).unwrap();
                    let expected = oracle.offer_annotated(key, *reserve, now);
                    let joined = |(annotation, blob): ([u8; ANNOTATION_LEN], crate::Blob)| {
                        [&annotation[..], &blob].concat()
                    };
                    prop_assert_eq!(
                        offer_annotated(&store, key, *reserve, now),
                        expected.map(|offered| offered.map(joined))
                    );
                }
                Step::RemoveEntry(of, back) => {
                    let named = names.get(of).and_then(|all| all.iter().rev().nth(*back));
                    if let Some((id, expected)) = named {
                        let name = name(of);
                        let key = Key::new(&name).unwrap();
                        let removed = store.remove_entry(key, *id, now);
                        prop_assert_eq!(removed, oracle.remove_entry(key, *expected, now));
                    }
                }
                Step::Read(key, how, reserve) => {
                    let name = name(key);
                    let key = Key::new(&name).unwrap();
                    prop_assert_eq!(
                        read(&store, key, *how, *reserve, now),
                        read_from_oracle(&mut oracle, key, *how, *reserve, now)
                    );
                }
                Step::Contains(key) => {
                    let name = name(key);
                    let key = Key::new(&name).unwrap();
                    prop_assert_eq!(store.contains(key, now), oracle.contains(key, now));
                }
                Step::Remove(key) => {
                    let name = name(key);
                    let key = Key::new(&name).unwrap();
                    prop_assert_eq!(store.remove(key, now), oracle.remove_key(key, now));
                }
                Step::Clear => {
                    assert!(store.clear().is_none());
                    oracle.clear();
                }
                Step::Sweep => {
                    prop_assert_eq!(store.sweep(now), oracle.sweep_step(usize::MAX, now));
                }
                Step::Advance(by) => now += by,
            }
            prop_assert_eq!(store.stats(), oracle.stats(), "after {:?}", step);
        }
        store.reconcile();
    }
}

/// As many entries as have an exact order, and more keys.
#[test]
fn the_order_of_use_is_exact_up_to_512_entries() {
    for max in [511, 512] {
        let options = Options {
            max: Capacity::new(max).unwrap(),
            tickets_per_key: TicketsPerKey::new(3).unwrap(),
            sweep_interval: None,
            ..Options::default()
        };
        let store = Store::with(options, [7; 16], [1, 1024]).unwrap();
        let mut oracle = Oracle::new(options);
        let mut mixed = 1_u64;
        for serial in 0..6_000 {
            mixed = mixed.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(0x1405_7b7e_f767_814f);
            let name = (mixed >> 33) % 700;
            let (bytes, blob) = (name.to_le_bytes(), blob(serial, 8));
            let (key, own) = (Key::new(&bytes).unwrap(), EntryOptions::default());
            match (mixed >> 60) % 4 {
                0 | 1 => {
                    let read = read(&store, key, ReadMode::Get, 8, 0);
                    assert_eq!(read, read_from_oracle(&mut oracle, key, ReadMode::Get, 8, 0));
                }
                2 => {
                    assert_eq!(
                        store.put(key, &blob, own, 0),
                        oracle.put(key, &blob, own, 0).map(|()| oracle.sweep_is_due())
                    );
                }
                _ => {
                    assert_eq!(
                        store.add(key, &blob, own, 0),
                        oracle.add(key, &blob, own, 0).map(|()| oracle.sweep_is_due())
                    );
                }
            }
        }
        assert_eq!(store.stats(), oracle.stats());
        assert!(store.stats().evictions > 1000, "it was full");
        store.reconcile();
    }
}
