//! Bytes as a sequence of operations that the cache and the oracle perform. The fuzz target `operations` and the test
//! `fuzz_seeds` run it.

use std::sync::Arc;
use std::time::Duration;

use arbitrary::{Arbitrary, Result, Unstructured};
use tls_resumption_core::oracle::{Oracle, ReadMode, ReadOutcome};
use tls_resumption_core::{
    Builder, ByteBudget, Cache, Capacity, EntryOptions, Key, ManualClock, TicketsPerKey, Ttl,
};

#[derive(Debug, Arbitrary)]
enum Step {
    Put { key: u8, len: u16, ttl: u8, reusable: bool },
    Add { key: u8, len: u16, ttl: u8, reusable: bool },
    Get { key: u8, reserve: u16 },
    Offer { key: u8, reserve: u16 },
    Take { key: u8, reserve: u16 },
    Contains { key: u8 },
    Remove { key: u8 },
    Clear,
    Sweep,
    Advance { by: u8 },
}

/// Small, so that every bound is reached.
fn some_options(bytes: &mut Unstructured<'_>) -> Result<Builder> {
    Ok(Cache::builder()
        .max(Capacity::new(bytes.int_in_range(1..=512)?).unwrap())
        .max_bytes(ByteBudget::new(bytes.int_in_range(1..=40_000)?).unwrap())
        .ttl(Ttl::new(Duration::from_millis(bytes.int_in_range(1..=300)?)).unwrap())
        .tickets_per_key(TicketsPerKey::new(bytes.int_in_range(1..=8)?).unwrap())
        .single_use(bytes.arbitrary()?)
        .sweep_interval(None))
}

/// # Panics
///
/// If the cache and the oracle disagree, or if a bound does not hold.
pub fn operations(data: &[u8]) {
    let mut bytes = Unstructured::new(data);
    let Ok(builder) = some_options(&mut bytes) else { return };
    let mut both = Both::new(builder);
    while !bytes.is_empty() {
        let Ok(step) = bytes.arbitrary() else { return };
        both.perform(&step);
    }
}

struct Both {
    cache: Cache,
    oracle: Oracle,
    clock: Arc<ManualClock>,
    now: u64,
    serial: u32,
}

impl Both {
    fn new(builder: Builder) -> Self {
        let clock = Arc::new(ManualClock::new());
        let oracle = Oracle::new(*builder.options());
        let cache = builder.clock(clock.clone()).build();
        Self { cache, oracle, clock, now: 0, serial: 0 }
    }

    fn perform(&mut self, step: &Step) {
        let (cache, oracle, now) = (&self.cache, &mut self.oracle, self.now);
        match *step {
            Step::Put { key, len, ttl, reusable } => {
                let (name, blob, own) = (name(key), self.blob(len), own(ttl, reusable));
                let key = Key::new(&name).unwrap();
                let expected = self.oracle.put(key, &blob, own, now);
                self.sweep_if_due(expected.is_ok());
                assert_eq!(self.cache.put(key, &blob, own), expected);
            }
            Step::Add { key, len, ttl, reusable } => {
                let (name, blob, own) = (name(key), self.blob(len), own(ttl, reusable));
                let key = Key::new(&name).unwrap();
                let expected = self.oracle.add(key, &blob, own, now);
                self.sweep_if_due(expected.is_ok());
                assert_eq!(self.cache.add(key, &blob, own), expected);
            }
            Step::Get { key, reserve } => self.read(key, ReadMode::Get, reserve),
            Step::Offer { key, reserve } => self.read(key, ReadMode::Offer, reserve),
            Step::Take { key, reserve } => self.read(key, ReadMode::Take, reserve),
            Step::Contains { key } => {
                let name = name(key);
                let key = Key::new(&name).unwrap();
                assert_eq!(cache.contains(key), oracle.contains(key, now));
            }
            Step::Remove { key } => {
                let name = name(key);
                let key = Key::new(&name).unwrap();
                assert_eq!(cache.remove(key), oracle.remove_key(key, now));
            }
            Step::Clear => {
                cache.clear();
                oracle.clear();
            }
            Step::Sweep => assert_eq!(cache.sweep(), oracle.sweep_step(usize::MAX, now)),
            Step::Advance { by } => {
                self.now += u64::from(by);
                self.clock.advance(Duration::from_millis(by.into()));
            }
        }
        let (stats, options) = (self.cache.stats(), self.cache.options());
        assert_eq!(stats, self.oracle.stats(), "after {step:?}");
        assert!(stats.size <= options.max.get().into() && stats.bytes <= options.max_bytes.get());
    }

    fn read(&mut self, key: u8, how: ReadMode, reserve: u16) {
        // Most have enough room.
        let reserve = if reserve.is_multiple_of(4) { usize::from(reserve) % 1024 } else { 1024 };
        let name = name(key);
        let key = Key::new(&name).unwrap();
        let expected = self.oracle.read(key, how, reserve, self.now);
        let expected = expected.map(|handed| handed.map(ReadOutcome::into_blob));
        let mut out = vec![0xee; reserve];
        let read = match how {
            ReadMode::Get => self.cache.get_into(key, &mut out),
            ReadMode::Offer => self.cache.offer_into(key, &mut out),
            ReadMode::Take => self.cache.take_into(key, &mut out),
        };
        let len = read.as_ref().ok().copied().flatten().unwrap_or(0);
        assert!(out[len..].iter().all(|byte| *byte == 0xee), "bytes after the blob changed");
        let read = read.map(|len| len.map(|len| &out[..len]));
        assert_eq!(read, expected.as_ref().map(Option::as_deref).map_err(Clone::clone));
    }

    fn sweep_if_due(&mut self, sweep_if_due: bool) {
        if sweep_if_due && self.oracle.sweep_is_due() {
            self.oracle.sweep_step(usize::MAX, self.now);
        }
    }

    /// Makes a different blob each time.
    fn blob(&mut self, len: u16) -> Vec<u8> {
        self.serial += 1;
        self.serial.to_le_bytes().into_iter().cycle().take(usize::from(len) % 1024).collect()
    }
}

fn name(key: u8) -> [u8; 2] {
    // Half of all operations use four keys.
    [b'k', if key < 128 { key % 4 } else { key }]
}

fn own(ttl: u8, reusable: bool) -> EntryOptions {
    EntryOptions::default()
        .with_ttl(Ttl::new(Duration::from_millis(ttl.into())))
        .with_reusable(reusable)
}
