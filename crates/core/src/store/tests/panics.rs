//! A clock is the caller's code. If it panics in the middle of a call, nothing is lost.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use crate::call_time::Now;
use crate::read_mode::ReadMode;
use crate::store::Store;
use crate::{ByteBudget, Capacity, EntryOptions, Key, Options, TicketsPerKey, Ttl};

/// Panics when it is read for the last time that it allows.
struct Limited(Cell<u32>);

impl Now for &Limited {
    fn has_come(self, then: u64) -> bool {
        let left = self.0.get().checked_sub(1).expect("the clock panics");
        self.0.set(left);
        then <= 5
    }

    fn end_of(self, ttl: Ttl) -> u64 {
        5 + ttl.as_millis()
    }
}

fn key(name: &str) -> Key<'_> {
    Key::new(name.as_bytes()).unwrap()
}

/// A full store, with an expired entry and a key of two entries.
fn store(max: u64) -> Store {
    let options = Options {
        max: Capacity::new(max).unwrap(),
        max_bytes: ByteBudget::new(max * 10).unwrap(),
        tickets_per_key: TicketsPerKey::new(2).unwrap(),
        sweep_interval: None,
        ..Options::default()
    };
    let store = Store::new(options).unwrap();
    let short = EntryOptions { ttl: Ttl::new(Duration::from_millis(2)), ..EntryOptions::default() };
    store.put(key("expired"), &[1; 10], short, 0).unwrap();
    store.add(key("tickets"), &[2; 10], EntryOptions::default(), 0).unwrap();
    store.add(key("tickets"), &[3; 10], EntryOptions::default(), 0).unwrap();
    for number in 3..max {
        store.put(key(&number.to_string()), &[4; 10], EntryOptions::default(), 0).unwrap();
    }
    store
}

/// Makes the clock panic at each of its readings in turn.
fn at_every_reading(max: u64, call: impl Fn(&Store, &Limited)) {
    for readings in 0.. {
        let (store, now) = (store(max), Limited(Cell::new(readings)));
        let ended = catch_unwind(AssertUnwindSafe(|| call(&store, &now))).is_ok();
        store.reconcile();
        if ended {
            return;
        }
    }
}

#[test]
fn a_clock_that_panics_costs_neither_quota_nor_memory() {
    let plain = EntryOptions::default;
    for max in [4, 600] {
        at_every_reading(max, |store, now| {
            store.put(key("new"), &[5; 10], plain(), now).unwrap();
        });
        at_every_reading(max, |store, now| {
            store.put(key("tickets"), &[5; 10], plain(), now).unwrap();
        });
        at_every_reading(max, |store, now| {
            store.add(key("tickets"), &[5; 10], plain(), now).unwrap();
        });
        at_every_reading(max, |store, now| {
            store.put(key("large"), &[5; 30], plain(), now).unwrap();
        });
        at_every_reading(max, |store, now| {
            store.read(key("tickets"), ReadMode::Take, &mut &mut [0; 10][..], now).unwrap();
        });
        at_every_reading(max, |store, now| {
            store.contains(key("expired"), now);
        });
        at_every_reading(max, |store, now| {
            store.remove(key("tickets"), now);
        });
        at_every_reading(max, |store, now| {
            store.sweep_after_insert(now);
        });
    }
}
