use std::sync::Arc;

use crate::Ttl;
use crate::read_mode::ReadMode;
use crate::segment::layout::{PIECE_WORDS, Part, SET_WORDS, WAYS, marks};
use crate::segment::owner::TestOwners;
use crate::segment::sync::{AtomicU64, Ordering};
use crate::segment::table::slot::Slot;
use crate::segment::table::{
    Allocate, Events, Hash, Marks, Moment, NewSession, Phase, State, Table,
};
use crate::store::counters::Counters;

const HASH: Hash = Hash { high: 1, low: 2 };
const NOW: Moment<u64> = Moment { now: 1000, shares_boot_time: true, wall: 1000, coarse: 1000 };

/// One set of two slots.
pub(super) struct Memory {
    words: Vec<AtomicU64>,
    marks: Vec<AtomicU64>,
    part: Part,
}

impl Memory {
    pub(super) fn new() -> Self {
        let pieces = SET_WORDS;
        let rest = pieces + WAYS * PIECE_WORDS;
        let words = |count| (0..count).map(|_| AtomicU64::new(0)).collect();
        Self {
            words: words(rest),
            marks: words(marks::PURGES_TOTAL),
            part: Part { sets: 1, slots: 0, pieces, piece_count: 1, rest, rest_words: 0 },
        }
    }
}

/// All of it is there.
struct Allocated;

impl Allocate for Allocated {
    fn allocate(&self, _from: usize, _words: usize) -> bool {
        true
    }
}

pub(super) struct Process {
    memory: Arc<Memory>,
    owners: TestOwners,
    counters: Counters,
    events: Events,
}

impl Process {
    pub(super) fn new(memory: Arc<Memory>, number: u32) -> Self {
        let owners = TestOwners::new(number);
        Self { memory, owners, counters: Counters::default(), events: Events::default() }
    }

    fn table(&self) -> Table<'_, TestOwners, Allocated> {
        Table {
            words: &self.memory.words,
            part: &self.memory.part,
            marks: Marks(&self.memory.marks),
            owners: &self.owners,
            memory: &Allocated,
            counters: &self.counters,
            events: &self.events,
            is_clearable: true,
        }
    }

    pub(super) fn put(&self, content: u8) {
        let (blob, ttl) = ([content; 8], Ttl::DEFAULT);
        let new = NewSession {
            hash: HASH,
            annotation: None,
            blob: &blob,
            ttl,
            is_reusable: false,
            others: 0,
        };
        self.table().insert(&new, NOW).unwrap();
    }

    pub(super) fn take(&self) -> Option<[u8; 8]> {
        self.read(ReadMode::Take)
    }

    pub(super) fn get(&self) -> Option<[u8; 8]> {
        self.read(ReadMode::Get)
    }

    fn read(&self, how: ReadMode) -> Option<[u8; 8]> {
        let mut out = [0; 8];
        let read = self.table().read(HASH, how, false, &mut &mut out[..], NOW).unwrap();
        read.map(|_| out)
    }
}

/// Checks that no slot is busy, and that every empty one is zero.
pub(super) fn check_clean(memory: &Memory) {
    for index in 0..WAYS {
        let slot = Slot::of(&memory.words, &memory.part, index);
        let state = State(slot.state().load(Ordering::SeqCst));
        assert_ne!(state.phase(), Phase::Busy);
        if state.phase() == Phase::Empty {
            let payload = &memory.words[memory.part.payload(index, 0).start];
            assert_eq!(payload.load(Ordering::SeqCst), 0);
            assert_eq!(slot.record(0).load(Ordering::SeqCst), 0);
        }
    }
}
