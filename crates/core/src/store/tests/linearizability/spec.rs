//! The specification of a call as other threads see it: the rules of the oracle, and where they are looser for calls that
//! overlap.
//!
//! Reading, taking, offering, overwriting the newest entry of a key, adding to a key and clearing take effect in one step.
//! Only these rules are looser:
//!
//! - **Several entries leave one by one.** That holds for older entries that `put` replaces, entries beyond the limit of
//!   `add`, those of `remove` and `sweep`, and expired entries that a call meets. Each leaves in a step of its own, the
//!   oldest first, at any time during the call.
//! - **A `remove` ends.** Entries that other calls add to the key while it is under way may stay.
//! - **Entries are counted before the oldest is removed.** If another call removes one between the count of an insertion
//!   and its removal of the oldest, one fewer is left.
//! - **A cache may forget.** If there is not room for all, an insertion may evict any one entry before it stores. That is
//!   so if the cache is full, because the order of use among overlapping calls is not defined. It is also so if it
//!   overlaps another call that may have the room in hand. Then it may also find no room in time, and its entry counts as
//!   stored and evicted at once.
//! - **A length may count entries in hand.** Beside the stored entries it counts up to two for an overlapping insertion,
//!   and one for a removal or for a read that may meet a dead entry. If a `clear` and another change overlap it, it may
//!   miss entries.

use std::ptr;

use super::history::{Call, Operation, Outcome, Program};
use crate::Key;
use crate::oracle::{Fingerprint, Oracle, ReadOutcome};
use crate::read_mode::ReadMode;

/// The state of a search.
#[derive(Clone)]
pub(super) struct Point {
    store: Oracle,
    /// True for each call that has ended.
    over: Vec<bool>,
    /// For each call, how many counted steps it has made before its last one.
    made: Vec<usize>,
}

/// Everything that the rest of a search depends on.
pub(super) type Mark = (Vec<bool>, Vec<usize>, Fingerprint);

pub(super) struct Spec<'a> {
    program: &'a Program,
    calls: &'a [Call],
    strict: bool,
}

impl<'a> Spec<'a> {
    pub(super) fn new(program: &'a Program, calls: &'a [Call]) -> Self {
        Self { program, calls, strict: program.has_room_for_all() }
    }

    pub(super) fn begin(&self) -> Point {
        Point {
            store: Oracle::new(self.program.options),
            over: vec![false; self.calls.len()],
            made: vec![0; self.calls.len()],
        }
    }

    /// Returns every point after one step of the call.
    pub(super) fn steps(&self, from: &Point, at: usize) -> Vec<Point> {
        let mut next = self.parts(from, at);
        next.extend(self.ends(from, at));
        next
    }

    /// Returns the points after a step before the last one.
    fn parts(&self, from: &Point, at: usize) -> Vec<Point> {
        let call = &self.calls[at];
        let now = call.now;
        let mut next = Vec::new();
        let mut reach = |store: Oracle, made| {
            let mut point = from.clone();
            point.store = store;
            point.made[at] += made;
            next.push(point);
        };
        let name = name_of(call.operation);
        if let Some(name) = &name {
            let mut store = from.store.clone();
            store.forget_expired(key(name), now);
            if store.len() < from.store.len() {
                reach(store, 0);
            }
        }
        match (call.operation, &name) {
            (Operation::Put(_) | Operation::Add(_), Some(name)) => {
                let live = from.store.live(key(name), now);
                let counted_before =
                    from.made[at] < self.met(call).filter(|met| changes(met)).count();
                if live > self.others(call.operation).max(1) || live > 0 && counted_before {
                    let counts = usize::from(live <= self.others(call.operation).max(1));
                    let mut store = from.store.clone();
                    store.forget_oldest(key(name), now);
                    reach(store, counts);
                }
                let needs = self.is_full(from, call) || self.meets_a_holder(call);
                if !self.strict && from.made[at] == 0 && needs {
                    for store in from.store.with_one_forgotten(|_| true) {
                        reach(store, 1);
                    }
                }
            }
            (Operation::Remove(_), Some(name)) => {
                let mut store = from.store.clone();
                if store.forget_oldest(key(name), now) {
                    reach(store, 1);
                }
            }
            (Operation::Sweep, _) => {
                let expired = from.store.with_one_forgotten(|entry| !entry.is_live(now));
                for store in expired {
                    reach(store, 1);
                }
            }
            _ => {}
        }
        next
    }

    /// Returns the points after the last step, if the result of the call fits.
    fn ends(&self, from: &Point, at: usize) -> Vec<Point> {
        let call = &self.calls[at];
        let mut store = from.store.clone();
        let name = name_of(call.operation).unwrap_or_default();
        let (key, now) = (key(&name), call.now);
        let mut forgotten = None;
        let fits = match (call.operation, call.outcome) {
            (Operation::Put(_) | Operation::Add(_), Outcome::Done) => {
                if !self.strict && self.meets_a_holder(call) {
                    let mut store = from.store.clone();
                    if self.others(call.operation) == 0 {
                        store.remove_key(key, now);
                    }
                    forgotten = Some(store);
                }
                let reserve = !self.is_full(from, call);
                let (blob, own) = (call.serial.to_le_bytes(), super::history::options(call.serial));
                if matches!(call.operation, Operation::Put(_)) {
                    store.put(key, &blob, own, now).unwrap();
                } else {
                    store.add(key, &blob, own, now).unwrap();
                }
                reserve
            }
            (Operation::Read(_, how), Outcome::Blob(serial)) => {
                read(&mut store, key, how, now) == serial
            }
            (Operation::Contains(_), Outcome::Is(there)) => store.contains(key, now) == there,
            (Operation::Remove(_), Outcome::Count(count)) => {
                store.live(key, now) <= self.insertions_met(call) && from.made[at] == count
            }
            (Operation::RemoveEntry(_), Outcome::Entry(named)) => {
                let fits = |(serial, was_there): (u64, bool)| {
                    store.remove_blob(key, &serial.to_le_bytes(), now) == was_there
                };
                named.is_none_or(fits)
            }
            (Operation::Sweep, Outcome::Count(count)) => {
                let all = store.clone().sweep_step(1, now) == 0;
                from.made[at] == count && (all || self.met(call).any(changes))
            }
            (Operation::Len, Outcome::Count(len)) => self.is_a_length(from, call, len),
            (Operation::Clear, Outcome::Done) => {
                store.clear();
                true
            }
            (Operation::Advance, Outcome::Done) => true,
            (operation, outcome) => unreachable!("{operation:?} does not return {outcome:?}"),
        };
        let ended = |store| {
            let mut point = Point { store, ..from.clone() };
            point.over[at] = true;
            point
        };
        fits.then_some(store).into_iter().chain(forgotten).map(ended).collect()
    }

    fn is_a_length(&self, from: &Point, call: &Call, len: usize) -> bool {
        let there = from.store.len();
        let on_their_way: usize = self
            .met(call)
            .map(|met| match met.operation {
                Operation::Put(_) | Operation::Add(_) => 2,
                Operation::Clear => 0,
                _ => usize::from(self.may_hold(met)),
            })
            .sum();
        let a_clear = self.meets_a_clear(call);
        let least = if a_clear && on_their_way > 0 { 0 } else { there };
        len <= self.program.options.max.get() as usize
            && (least..=there + on_their_way).contains(&len)
    }

    /// True if one more entry needs the room of another.
    fn is_full(&self, from: &Point, call: &Call) -> bool {
        let name = name_of(call.operation).unwrap_or_default();
        let mut store = from.store.clone();
        store.forget_expired(key(&name), call.now);
        let live = store.live(key(&name), call.now);
        let gone = live.saturating_sub(self.others(call.operation));
        store.len() - gone >= self.program.options.max.get() as usize
    }

    fn others(&self, insertion: Operation) -> usize {
        match insertion {
            Operation::Add(_) => usize::from(self.program.options.tickets_per_key.get()) - 1,
            _ => 0,
        }
    }

    /// Returns the other calls that overlap a call.
    fn met(&self, call: &Call) -> impl Iterator<Item = &'a Call> {
        let others = self.calls.iter().filter(move |other| !ptr::eq(*other, call));
        others.filter(move |other| other.overlaps(call))
    }

    /// How many other calls add to the key while a `remove` is under way.
    fn insertions_met(&self, call: &Call) -> usize {
        let name = name_of(call.operation);
        let inserts = |met: &&Call| {
            matches!(met.operation, Operation::Put(_) | Operation::Add(_))
                && name_of(met.operation) == name
        };
        self.met(call).filter(inserts).count()
    }

    fn meets_a_holder(&self, call: &Call) -> bool {
        self.met(call).any(|met| self.may_hold(met))
    }

    fn meets_a_clear(&self, call: &Call) -> bool {
        self.met(call).any(|met| met.operation == Operation::Clear)
    }

    /// True if a call may have quota in hand: a change, or a read that meets an entry that a `clear` left dead. Such an entry
    /// exists until the `clear` has ended, and until the insertion that linked it late has ended.
    fn may_hold(&self, call: &Call) -> bool {
        let (Operation::Read(key, ReadMode::Get) | Operation::Contains(key)) = call.operation
        else {
            return changes(call);
        };
        let inserts =
            |other: &Call| [Operation::Put(key), Operation::Add(key)].contains(&other.operation);
        changes(call)
            || self.meets_a_clear(call)
            || self.met(call).any(|met| inserts(met) && self.meets_a_clear(met))
    }
}

impl Point {
    pub(super) fn is_over(&self, at: usize) -> bool {
        self.over[at]
    }

    pub(super) fn mark(&self) -> Mark {
        (self.over.clone(), self.made.clone(), self.store.fingerprint())
    }
}

fn read(store: &mut Oracle, key: Key<'_>, how: ReadMode, now: u64) -> Option<u64> {
    let handed = store.read(key, how, usize::MAX, now).unwrap();
    handed.map(ReadOutcome::into_blob).map(|blob| u64::from_le_bytes((*blob).try_into().unwrap()))
}

fn name_of(operation: Operation) -> Option<[u8; 2]> {
    match operation {
        Operation::Put(key)
        | Operation::Add(key)
        | Operation::Read(key, _)
        | Operation::Contains(key)
        | Operation::Remove(key)
        | Operation::RemoveEntry(key) => Some([b'k', key]),
        Operation::Len | Operation::Clear | Operation::Sweep | Operation::Advance => None,
    }
}

fn key(name: &[u8; 2]) -> Key<'_> {
    Key::new(name).unwrap()
}

/// True if a call changes the store. A call that meets an expired entry removes it.
fn changes(call: &Call) -> bool {
    match call.operation {
        Operation::Len | Operation::Advance => false,
        Operation::Read(_, ReadMode::Get) | Operation::Contains(_) => call.now > 0,
        _ => true,
    }
}
