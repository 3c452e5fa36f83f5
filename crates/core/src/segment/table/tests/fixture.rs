use std::sync::atomic::{AtomicBool, Ordering as StdOrdering};
use std::time::Duration;

use crate::read_mode::ReadMode;
use crate::segment::layout::{Part, SessionLayout, WAYS, marks};
use crate::segment::owner::TestOwners;
use crate::segment::sync::{AtomicU64, Ordering};
use crate::segment::table::insert::NewSession;
use crate::segment::table::payload::Payload;
use crate::segment::table::slot::Slot;
use crate::segment::table::state::{Phase, Stamp};
use crate::segment::table::{Allocate, Events, Hash, Marks, Moment, State, Table};
use crate::store::counters::Counters;
use crate::{EntryId, Rejected, Ttl};

pub(super) const HOUR: u64 = 3_600_000;
/// Some time after the boot, and some wall clock.
pub(super) const START: u64 = 1_000_000;
pub(super) const WALL: u64 = 1_800_000_000_000;

/// The memory of a segment, shared by processes of the test.
pub(super) struct Memory {
    pub(super) words: Vec<AtomicU64>,
    marks: Vec<AtomicU64>,
    pub(super) part: Part,
    pub(super) is_full: AtomicBool,
}

impl Memory {
    pub(super) fn new(max: usize) -> Self {
        let layout = SessionLayout::new(max, 5 << 10);
        let words = |count| (0..count).map(|_| AtomicU64::new(0)).collect();
        Self {
            words: words(layout.sessions.rest + layout.sessions.len() * layout.sessions.rest_words),
            marks: words(marks::PURGES_TOTAL + 1),
            part: layout.sessions,
            is_full: AtomicBool::new(false),
        }
    }

    /// Checks every slot: none is busy, every empty one is zero.
    pub(super) fn check_clean(&self) {
        for index in 0..self.part.len() {
            let slot = self.slot(index);
            let state = State(slot.state().load(Ordering::SeqCst));
            assert_ne!(state.phase(), Phase::Busy, "slot {index} is stuck");
            if state.phase() == Phase::Live {
                continue;
            }
            assert!(slot.is_wiped());
            let payload = Payload { words: &self.words, part: &self.part, index };
            assert!(payload.is_wiped(self.part.max_bytes()));
        }
    }

    /// Returns the words of a slot.
    pub(super) fn slot(&self, index: usize) -> Slot<'_> {
        Slot::of(&self.words, &self.part, index)
    }

    pub(super) fn stamp(&self, index: usize) -> Stamp {
        Stamp(self.slot(index).stamp().load(Ordering::SeqCst))
    }
}

impl Allocate for Memory {
    fn allocate(&self, _from: usize, _words: usize) -> bool {
        !self.is_full.load(StdOrdering::SeqCst)
    }
}

/// A process of the test.
pub(super) struct Process<'a> {
    pub(super) memory: &'a Memory,
    pub(super) owners: TestOwners,
    pub(super) counters: Counters,
    pub(super) events: Events,
}

impl<'a> Process<'a> {
    pub(super) fn new(memory: &'a Memory, owners: TestOwners) -> Self {
        Self { memory, owners, counters: Counters::default(), events: Events::default() }
    }

    pub(super) fn table(&self) -> Table<'_, TestOwners, Memory> {
        Table {
            words: &self.memory.words,
            part: &self.memory.part,
            marks: Marks(&self.memory.marks),
            owners: &self.owners,
            memory: self.memory,
            counters: &self.counters,
            events: &self.events,
            is_clearable: true,
        }
    }

    pub(super) fn store(&self, key: u64, blob: &[u8], others: usize) -> Result<EntryId, Rejected> {
        self.store_at(key, blob, others, HOUR, at(0))
    }

    pub(super) fn store_at(
        &self,
        key: u64,
        blob: &[u8],
        others: usize,
        ttl: u64,
        now: Moment<u64>,
    ) -> Result<EntryId, Rejected> {
        let ttl = Ttl::new(Duration::from_millis(ttl)).unwrap();
        let new =
            NewSession { hash: hash(key), annotation: None, blob, ttl, is_reusable: false, others };
        self.table().insert(&new, now)
    }

    pub(super) fn read(&self, key: u64, how: ReadMode, is_single_use: bool) -> Option<Vec<u8>> {
        self.read_at(key, how, is_single_use, at(0))
    }

    pub(super) fn read_at(
        &self,
        key: u64,
        how: ReadMode,
        is_single_use: bool,
        now: Moment<u64>,
    ) -> Option<Vec<u8>> {
        let mut out = [0; 5 << 10];
        let read = self.table().read(hash(key), how, is_single_use, &mut &mut out[..], now);
        read.unwrap().map(|len| out[..len].to_vec())
    }

    pub(super) fn get(&self, key: u64) -> Option<Vec<u8>> {
        self.read(key, ReadMode::Get, false)
    }

    pub(super) fn take(&self, key: u64) -> Option<Vec<u8>> {
        self.read(key, ReadMode::Take, false)
    }

    pub(super) fn offer(&self, key: u64) -> Option<Vec<u8>> {
        self.read(key, ReadMode::Offer, false)
    }

    pub(super) fn sweep_at(&self, now: Moment<u64>) -> usize {
        let (mut expired, mut from) = (0, Some(0));
        while let Some(start) = from {
            let (some, next) = self.table().sweep_step(start, now);
            expired += some;
            from = next;
        }
        expired
    }

    pub(super) fn len(&self) -> u64 {
        self.table().usage().0
    }
}

/// All keys are in the first set, because the high half selects it.
pub(super) fn hash(key: u64) -> Hash {
    Hash { high: key, low: !key }
}

/// The time that many milliseconds after the start, by both clocks.
pub(super) fn at(millis: u64) -> Moment<u64> {
    Moment {
        now: START + millis,
        shares_boot_time: true,
        wall: WALL + millis,
        coarse: START + millis,
    }
}

pub(super) const SET: usize = WAYS;
