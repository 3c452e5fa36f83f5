//! Many threads at the same time. Each blob has its number and checks itself, so that a torn or foreign byte shows.

use std::collections::HashSet;
use std::process::abort;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use crate::read_mode::{AnnotatedBuffer, ReadMode};
use crate::store::Store;
use crate::store::conflict::with_max_conflicts;
use crate::store::index::split_order::Bucket;
use crate::store::striped::random;
use crate::{
    ANNOTATION_LEN, Annotation, ByteBudget, Capacity, EntryOptions, Key, Options, TicketsPerKey,
    Ttl,
};

/// A bug in the list may be an endless loop, so a test that hangs has failed.
const MAX_RUN_TIME: Duration = Duration::from_secs(120);

const LONGEST: usize = 900;
const HEAD: usize = 16;

/// Runs a test, and aborts if it does not end.
fn watched(test: impl FnOnce() + Send + 'static) {
    let (done, is_done) = mpsc::channel();
    let run = thread::spawn(move || {
        test();
        done.send(()).unwrap();
    });
    if is_done.recv_timeout(MAX_RUN_TIME) == Err(mpsc::RecvTimeoutError::Timeout) {
        eprintln!("hung");
        abort();
    }
    run.join().unwrap();
}

fn rounds() -> u64 {
    let asked = std::env::var("STRESS_ROUNDS").ok();
    asked.and_then(|rounds| rounds.parse().ok()).unwrap_or(20_000)
}

/// Makes a blob with a serial number, and bytes that follow from it and the key.
fn fill(blob: &mut [u8], serial: u64, key: u64) {
    blob[..8].copy_from_slice(&serial.to_le_bytes());
    blob[8..HEAD].copy_from_slice(&key.to_le_bytes());
    for (at, byte) in blob.iter_mut().enumerate().skip(HEAD) {
        *byte = pattern(serial, at);
    }
}

fn pattern(serial: u64, at: usize) -> u8 {
    let mixed = serial.wrapping_mul(0x9e37_79b9_7f4a_7c15).wrapping_add(at as u64 * 0x1234_5677);
    mixed.to_le_bytes()[3] | 1
}

fn annotation(serial: u64) -> Annotation {
    std::array::from_fn(|at| pattern(serial, LONGEST + at))
}

fn serial_of(blob: &[u8], key: u64) -> u64 {
    let serial = u64::from_le_bytes(blob[..8].try_into().unwrap());
    assert_eq!(
        u64::from_le_bytes(blob[8..HEAD].try_into().unwrap()),
        key,
        "the blob of another key"
    );
    for (at, byte) in blob.iter().enumerate().skip(HEAD) {
        assert_eq!(*byte, pattern(serial, at), "a foreign byte at {at} of {}", blob.len());
    }
    serial
}

fn options(max: u64, max_bytes: u64, per_key: u64, single_use: bool) -> Options {
    Options {
        max: Capacity::new(max).unwrap(),
        max_bytes: ByteBudget::new(max_bytes).unwrap(),
        ttl: Ttl::new(Duration::from_millis(50)).unwrap(),
        tickets_per_key: TicketsPerKey::new(per_key).unwrap(),
        single_use,
        sweep_interval: None,
    }
}

struct Shared {
    store: Store,
    keys: u64,
    serials: AtomicU64,
    now: AtomicU64,
    over: AtomicBool,
}

/// Performs a random operation on a random key. Returns the serial number of a blob that was taken.
fn any_operation(shared: &Shared, buffer: &mut [u8]) -> Option<u64> {
    let store = &shared.store;
    let key = random() % shared.keys;
    let name = key.to_le_bytes();
    let name = Key::new(&name).unwrap();
    let now = shared.now.load(Ordering::Relaxed);
    let single_use = store.options.single_use;
    let choice = random() % 1000;
    match choice {
        0..350 => {
            let len = HEAD + usize::try_from(random()).unwrap() % (LONGEST - HEAD);
            let serial = shared.serials.fetch_add(1, Ordering::Relaxed);
            fill(&mut buffer[..len], serial, key);
            let blob = &buffer[..len];
            let own = EntryOptions {
                ttl: Ttl::new(Duration::from_millis(random() % 60)),
                reusable: false,
            };
            let annotation = annotation(serial);
            let annotation = serial.is_multiple_of(2).then_some(&annotation);
            let others = if choice < 175 { 0 } else { store.others() };
            let stored = store.insert(name, annotation, blob, own, now, others).unwrap();
            if serial.is_multiple_of(8) && store.remove_entry(name, stored.id, now) {
                assert!(!store.remove_entry(name, stored.id, now), "it was removed twice");
                return Some(serial);
            }
        }
        350..600 => {
            let len = store.read(name, ReadMode::Get, &mut &mut *buffer, now).unwrap()?;
            serial_of(&buffer[..len], key);
        }
        600..850 => {
            let len = store.read(name, ReadMode::Take, &mut &mut *buffer, now).unwrap()?;
            return Some(serial_of(&buffer[..len], key));
        }
        850..930 => {
            let mut out = [0; ANNOTATION_LEN + LONGEST];
            let mut both = AnnotatedBuffer(&mut out);
            let len = store.read(name, ReadMode::Offer, &mut both, now).unwrap()?;
            let (head, blob) = out[..len].split_at(ANNOTATION_LEN);
            let serial = serial_of(blob, key);
            let expected =
                if serial.is_multiple_of(2) { annotation(serial) } else { [0; ANNOTATION_LEN] };
            assert_eq!(head, expected, "the annotation of another entry");
            return single_use.then_some(serial);
        }
        930..950 => {
            store.contains(name, now);
        }
        950..970 => {
            store.remove(name, now);
        }
        970..972 => {
            if let Some(drain) = store.clear() {
                store.finish(drain);
            }
        }
        972..975 => {
            store.sweep(now);
        }
        975..985 => {
            shared.now.fetch_add(1, Ordering::Relaxed);
        }
        _ => {
            let (len, bytes) = (store.len(), store.bytes());
            assert!(
                len <= store.options.max.get() as usize && bytes <= store.options.max_bytes.get()
            );
        }
    }
    None
}

fn stress(options: Options, buckets: [usize; 2], keys: u64, threads: usize) {
    stress_on(Store::with(options, [9; 16], buckets).unwrap(), keys, threads);
}

fn stress_on(store: Store, keys: u64, threads: usize) {
    stress_with_conflicts(store, keys, threads, None);
}

/// `max_conflicts`: how many conflicts a call meets before it takes the way that always ends, if not the usual number.
fn stress_with_conflicts(store: Store, keys: u64, threads: usize, max_conflicts: Option<u32>) {
    watched(move || {
        let shared = Shared {
            store,
            keys,
            serials: AtomicU64::new(1),
            now: AtomicU64::new(0),
            over: AtomicBool::new(false),
        };
        let work = || {
            let mut buffer = [0; LONGEST];
            let mut work = || {
                let operations = (0..rounds()).filter_map(|_| any_operation(&shared, &mut buffer));
                operations.collect::<Vec<u64>>()
            };
            match max_conflicts {
                Some(max_conflicts) => with_max_conflicts(max_conflicts, work),
                None => work(),
            }
        };
        let handed_out: Vec<u64> = thread::scope(|scope| {
            let workers: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
            workers.into_iter().flat_map(|worker| worker.join().unwrap()).collect()
        });
        let different: HashSet<&u64> = handed_out.iter().collect();
        assert_eq!(different.len(), handed_out.len(), "a blob was taken twice");
        // Removes what calls left behind that met too many conflicts.
        shared.store.sweep(shared.now.load(Ordering::Relaxed));
        shared.store.reconcile();
        assert!(shared.store.clear().is_none());
        shared.store.reconcile();
        assert_eq!((shared.store.len(), shared.store.bytes()), (0, 0));
    });
}

#[test]
fn one_place() {
    stress(options(1, 1 << 20, 1, false), [1, 1], 2, 4);
}

#[test]
fn few_entries_with_keys_in_one_bucket() {
    stress(options(4, 1 << 20, 3, true), [1, 1], 4, 4);
}

#[test]
fn calls_that_meet_too_many_conflicts() {
    for (max_conflicts, per_key) in [(0, 3), (1, 1), (1, 3)] {
        let options = options(4, 1 << 20, per_key, true);
        let store = Store::with(options, [9; 16], [1, 1]).unwrap();
        stress_with_conflicts(store, 4, 4, Some(max_conflicts));
    }
}

#[test]
fn tags_that_wrap_around() {
    let store = Store::with(options(4, 1 << 20, 3, false), [9; 16], [1, 1]).unwrap();
    let last_but = |changes: u64| ((1 << 36) - changes) << 27;
    for id in 1..=20 {
        store.list.nodes[id].next.store(last_but(1000), Ordering::Relaxed);
    }
    store.list.buckets.word(Bucket::FIRST).store(last_but(2000), Ordering::Relaxed);
    stress_on(store, 4, 4);
}

#[test]
fn few_bytes() {
    stress(options(64, 3_000, 4, false), [8, 8], 12, 4);
}

#[test]
fn many_tickets_a_key() {
    stress(options(40, 1 << 20, 20, true), [4, 4], 3, 4);
}

#[test]
fn eviction_by_samples() {
    stress(options(600, 200_000, 4, false), [128, 128], 1000, 8);
}

#[test]
fn buckets_that_double_under_load() {
    stress(options(2000, 1 << 20, 4, false), [1, 2048], 3000, 8);
}

/// While threads overwrite an entry, the key is never absent.
#[test]
fn an_overwritten_key_is_always_there() {
    watched(|| {
        let shared = Shared {
            store: Store::with(options(4, 1 << 20, 4, false), [9; 16], [1, 1]).unwrap(),
            keys: 1,
            serials: AtomicU64::new(1),
            now: AtomicU64::new(0),
            over: AtomicBool::new(false),
        };
        let name = Key::new(b"peer").unwrap();
        let put = |serial: u64| {
            let mut blob = [0; 300];
            fill(&mut blob, serial, 0);
            shared.store.put(name, &blob, EntryOptions::default(), 0).unwrap();
        };
        put(0);
        thread::scope(|scope| {
            let writers: Vec<_> = (0..2)
                .map(|writer| {
                    scope.spawn(move || (0..rounds() * 4).for_each(|n| put(n * 2 + writer)))
                })
                .collect();
            for _ in 0..2 {
                scope.spawn(|| {
                    let mut out = [0; 300];
                    while !shared.over.load(Ordering::Relaxed) {
                        let len =
                            shared.store.read(name, ReadMode::Get, &mut &mut out[..], 0).unwrap();
                        serial_of(&out[..len.expect("always there")], 0);
                        assert!(shared.store.contains(name, 0));
                    }
                });
            }
            for writer in writers {
                writer.join().unwrap();
            }
            shared.over.store(true, Ordering::Relaxed);
        });
        shared.store.reconcile();
    });
}
