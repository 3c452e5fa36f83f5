//! The cache does what a list that is searched from end to end would do.

mod common;
mod naive;

use common::*;
use naive::{Model, Way};
use proptest::collection::vec;
use proptest::prelude::*;
use tls_resumption_core::{BufferTooSmall, Cache, EntryOptions, Key, Options};

#[derive(Debug, Clone)]
enum Step {
    Put(u8, usize, EntryOptions),
    Add(u8, usize, EntryOptions),
    Read(u8, Way),
    ReadInto(u8, Way, usize),
    Contains(u8),
    Remove(u8),
    Clear,
    Sweep,
    Advance(u64),
}

const LONGEST_BLOB: usize = 20;

/// Few keys, short lives and small bounds, so that every rule is met often.
fn a_step() -> impl Strategy<Value = Step> {
    let key = || 0..5_u8;
    let len = || 0..=LONGEST_BLOB;
    let way = || prop_oneof![Just(Way::Get), Just(Way::Offer), Just(Way::Take)];
    let own = || {
        (prop::option::of(1..40_u64), any::<bool>())
            .prop_map(|(own, reusable)| EntryOptions { ttl: own.map(ttl), reusable })
    };
    prop_oneof![
        60 => (key(), len(), own()).prop_map(|(key, len, own)| Step::Put(key, len, own)),
        90 => (key(), len(), own()).prop_map(|(key, len, own)| Step::Add(key, len, own)),
        90 => (key(), way()).prop_map(|(key, way)| Step::Read(key, way)),
        40 => (key(), way(), len()).prop_map(|(key, way, room)| Step::ReadInto(key, way, room)),
        20 => key().prop_map(Step::Contains),
        10 => key().prop_map(Step::Remove),
        2 => Just(Step::Clear),
        10 => Just(Step::Sweep),
        50 => (0..15_u64).prop_map(Step::Advance),
    ]
}

fn some_options() -> impl Strategy<Value = Options> {
    (1..12_u64, 1..80_u64, 1..40_u64, 1..5_u64, any::<bool>()).prop_map(
        |(entries, bytes, lifetime, per_key, single_use)| {
            let builder = Cache::builder()
                .max(max(entries))
                .max_bytes(max_bytes(bytes))
                .ttl(ttl(lifetime))
                .tickets_per_key(tickets(per_key))
                .single_use(single_use)
                .sweep_interval(None);
            *builder.options()
        },
    )
}

/// Tells any two insertions of a history apart that are longer than a byte.
fn blob(serial: usize, len: usize) -> Vec<u8> {
    serial.to_le_bytes()[..2].iter().copied().cycle().take(len).collect()
}

fn read_into(
    cache: &Cache,
    key: Key<'_>,
    way: Way,
    room: usize,
) -> Result<Option<Vec<u8>>, BufferTooSmall> {
    let mut out = vec![0; room];
    let read = match way {
        Way::Get => cache.get_into(key, &mut out),
        Way::Offer => cache.offer_into(key, &mut out),
        Way::Take => cache.take_into(key, &mut out),
    };
    Ok(read?.map(|len| out[..len].to_vec()))
}

fn read(cache: &Cache, key: Key<'_>, way: Way) -> Option<Vec<u8>> {
    let blob = match way {
        Way::Get => cache.get(key),
        Way::Offer => cache.offer(key),
        Way::Take => cache.take(key),
    };
    blob.map(|blob| blob.to_vec())
}

proptest! {
    // A failing history is shrunk and printed, which is all that is needed to make a test of it.
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_history_goes_as_the_model_has_it(options in some_options(), history in vec(a_step(), 1..600)) {
        let (cache, clock) = cache_and_clock(|b| {
            b.max(options.max)
                .max_bytes(options.max_bytes)
                .ttl(options.ttl)
                .tickets_per_key(options.tickets_per_key)
                .single_use(options.single_use)
        });
        prop_assert_eq!(cache.options(), &options);
        let mut model = Model::new(options);

        for (serial, step) in history.into_iter().enumerate() {
            let bytes = |key: &u8| [b'k', *key];
            match &step {
                Step::Put(key, len, own) => prop_assert_eq!(
                    cache.put(Key::new(&bytes(key)).unwrap(), &blob(serial, *len), *own),
                    model.put(*key, blob(serial, *len), *own)
                ),
                Step::Add(key, len, own) => prop_assert_eq!(
                    cache.add(Key::new(&bytes(key)).unwrap(), &blob(serial, *len), *own),
                    model.add(*key, blob(serial, *len), *own)
                ),
                Step::Read(key, way) => prop_assert_eq!(
                    Ok(read(&cache, Key::new(&bytes(key)).unwrap(), *way)),
                    model.read(*key, *way, LONGEST_BLOB)
                ),
                Step::ReadInto(key, way, room) => prop_assert_eq!(
                    read_into(&cache, Key::new(&bytes(key)).unwrap(), *way, *room),
                    model.read(*key, *way, *room)
                ),
                Step::Contains(key) => prop_assert_eq!(
                    cache.contains(Key::new(&bytes(key)).unwrap()),
                    model.contains(*key)
                ),
                Step::Remove(key) => prop_assert_eq!(
                    cache.remove(Key::new(&bytes(key)).unwrap()),
                    model.remove(*key)
                ),
                Step::Clear => {
                    cache.clear();
                    model.clear();
                }
                Step::Sweep => prop_assert_eq!(cache.sweep(), model.sweep()),
                Step::Advance(by) => {
                    clock.advance(millis(*by));
                    model.now += by;
                }
            }
            let stats = cache.stats();
            prop_assert_eq!(stats, model.stats(), "after {:?}", step);
            assert_every_entry_is_accounted_for(&stats);
            prop_assert!(stats.size <= options.max.get().into());
            prop_assert!(stats.bytes <= options.max_bytes.get());
        }
    }
}
