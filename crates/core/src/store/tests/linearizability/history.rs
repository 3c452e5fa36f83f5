//! Programs of a few threads, and what a run of one showed.

use std::collections::HashMap;
use std::fmt;
use std::ops::Deref;
use std::sync::Mutex;
use std::time::Duration;

use proptest::collection::vec;
use proptest::prelude::*;

use crate::read_mode::ReadMode;
use crate::store::Store;
use crate::{
    ANNOTATION_LEN, ByteBudget, Capacity, EntryId, EntryOptions, Key, Options, TicketsPerKey, Ttl,
};

/// All blobs have this length, so that one eviction makes room for one insertion.
pub(super) const LEN: usize = 8;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Operation {
    Put(u8),
    Add(u8),
    Read(u8, ReadMode),
    Contains(u8),
    Remove(u8),
    /// Removes the entry that an insertion under the key stored last.
    RemoveEntry(u8),
    Len,
    Clear,
    Sweep,
    /// A millisecond passes.
    Advance,
}

/// The result of a call. A blob is named by the number of its insertion.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    Done,
    Blob(Option<u64>),
    Is(bool),
    Count(usize),
    /// The number of the insertion, and whether its entry was stored. `None`: no insertion had ended.
    Entry(Option<(u64, bool)>),
}

/// A call as its caller saw it. If two calls do not overlap, the `end` of one is before the `begin` of the other.
#[derive(Debug, Clone, Copy)]
pub(super) struct Call {
    pub(super) thread: usize,
    pub(super) operation: Operation,
    /// The number of the insertion, if it is one.
    pub(super) serial: u64,
    pub(super) now: u64,
    pub(super) begin: u64,
    pub(super) end: u64,
    pub(super) outcome: Outcome,
}

#[derive(Debug, Clone)]
pub(super) struct Program {
    pub(super) options: Options,
    /// The operations before the threads begin.
    pub(super) before: Vec<Operation>,
    pub(super) threads: Vec<Vec<Operation>>,
}

impl Call {
    pub(super) fn overlaps(&self, other: &Self) -> bool {
        self.begin < other.end && other.begin < self.end
    }
}

impl Operation {
    pub(super) fn is_insertion(self) -> bool {
        matches!(self, Self::Put(_) | Self::Add(_))
    }
}

impl Program {
    /// True if there is room for all insertions, so that no entry has to be evicted.
    pub(super) fn has_room_for_all(&self) -> bool {
        let all = self.before.iter().chain(self.threads.iter().flatten());
        let insertions = all.filter(|operation| operation.is_insertion()).count();
        insertions as u64 <= self.options.max.get().into()
    }
}

/// Prints a history: one line per call, in the order of their beginnings.
pub(super) struct Shown<'a>(pub(super) &'a [Call]);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut calls: Vec<&Call> = self.0.iter().collect();
        calls.sort_by_key(|call| call.begin);
        for call in calls {
            let Call { thread, operation, serial, now, begin, end, outcome } = call;
            let pad = "    ".repeat(*thread);
            let number =
                if operation.is_insertion() { format!(" #{serial}") } else { String::new() };
            writeln!(
                f,
                "{begin:>3}..{end:<3} at {now} ms {pad}[{thread}] {operation:?}{number} -> {outcome:?}"
            )?;
        }
        Ok(())
    }
}

/// The operations of a store, or of one that was broken on purpose.
pub(super) trait Subject: Sync {
    fn perform(&self, operation: Operation, serial: u64, now: u64) -> Outcome;
}

/// A store, and the names of the entries that were stored last, by key.
pub(super) struct Named {
    store: Store,
    last: Mutex<HashMap<u8, (u64, EntryId)>>,
}

impl Named {
    pub(super) fn new(store: Store) -> Self {
        Self { store, last: Mutex::default() }
    }

    /// Every second insertion has an annotation.
    fn insert(&self, add: bool, key: u8, serial: u64, now: u64) -> Outcome {
        let (store, name, blob) = (&self.store, [b'k', key], serial.to_le_bytes());
        let (name, own) = (Key::new(&name).unwrap(), options(serial));
        let annotation = serial.is_multiple_of(2).then_some([b'a'; ANNOTATION_LEN]);
        let others = if add { store.others() } else { 0 };
        let inserted = store.insert(name, annotation.as_ref(), &blob, own, now, others).unwrap();
        self.last.lock().unwrap().insert(key, (serial, inserted.id));
        Outcome::Done
    }

    fn remove_entry(&self, key: u8, now: u64) -> Outcome {
        let last = self.last.lock().unwrap().get(&key).copied();
        Outcome::Entry(last.map(|(serial, id)| {
            (serial, self.store.remove_entry(Key::new(&[b'k', key]).unwrap(), id, now))
        }))
    }
}

impl Deref for Named {
    type Target = Store;

    fn deref(&self) -> &Store {
        &self.store
    }
}

impl Subject for Named {
    fn perform(&self, operation: Operation, serial: u64, now: u64) -> Outcome {
        let name = |key| [b'k', key];
        match operation {
            Operation::Put(key) => self.insert(false, key, serial, now),
            Operation::Add(key) => self.insert(true, key, serial, now),
            Operation::RemoveEntry(key) => self.remove_entry(key, now),
            Operation::Read(key, how) => {
                let mut out = [0; LEN];
                let read = self.read(Key::new(&name(key)).unwrap(), how, &mut &mut out[..], now);
                Outcome::Blob(read.unwrap().map(|_| u64::from_le_bytes(out)))
            }
            Operation::Contains(key) => {
                Outcome::Is(self.contains(Key::new(&name(key)).unwrap(), now))
            }
            Operation::Remove(key) => {
                Outcome::Count(self.remove(Key::new(&name(key)).unwrap(), now))
            }
            Operation::Len => Outcome::Count(self.len()),
            Operation::Clear => {
                assert!(self.clear().is_none());
                Outcome::Done
            }
            Operation::Sweep => Outcome::Count(self.sweep(now)),
            Operation::Advance => Outcome::Done,
        }
    }
}

/// Every third entry has a short lifetime, every fifth may be offered again.
pub(super) fn options(serial: u64) -> EntryOptions {
    let ttl = if serial.is_multiple_of(3) { 1 } else { 3 };
    EntryOptions { ttl: Ttl::new(Duration::from_millis(ttl)), reusable: serial.is_multiple_of(5) }
}

fn an_operation(keys: u8) -> impl Strategy<Value = Operation> {
    let key = move || 0..keys;
    prop_oneof![
        5 => key().prop_map(Operation::Put),
        6 => key().prop_map(Operation::Add),
        5 => key().prop_map(|key| Operation::Read(key, ReadMode::Get)),
        5 => key().prop_map(|key| Operation::Read(key, ReadMode::Take)),
        4 => key().prop_map(|key| Operation::Read(key, ReadMode::Offer)),
        2 => key().prop_map(Operation::Contains),
        2 => key().prop_map(Operation::Remove),
        3 => key().prop_map(Operation::RemoveEntry),
        2 => Just(Operation::Len),
        1 => Just(Operation::Clear),
        1 => Just(Operation::Sweep),
        1 => Just(Operation::Advance),
    ]
}

/// `max`: the number of entries at most.
pub(super) fn a_program(max: impl Strategy<Value = u64>) -> impl Strategy<Value = Program> {
    let parts = (max, 1..4_u64, any::<bool>(), 1..3_u8);
    parts.prop_flat_map(|(max, per_key, single_use, keys)| {
        let options = Options {
            max: Capacity::new(max).unwrap(),
            max_bytes: ByteBudget::new(1 << 20).unwrap(),
            tickets_per_key: TicketsPerKey::new(per_key).unwrap(),
            single_use,
            sweep_interval: None,
            ..Options::default()
        };
        let some = |from, to| vec(an_operation(keys), from..to);
        (some(0, 4), vec(some(1, 6), 2..4)).prop_map(move |(before, threads)| Program {
            options,
            before,
            threads,
        })
    })
}
