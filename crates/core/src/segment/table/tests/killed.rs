//! Each call is killed before each of its steps. The next call of another process recovers.

use super::fixture::{Memory, Process, SET, at, hash};
use crate::read_mode::ReadMode;
use crate::segment::owner::{Owners, TestOwners};
use crate::segment::stepping::kill_before;

/// What a process is killed in.
#[derive(Debug, Clone, Copy)]
enum Call {
    Put,
    Add,
    Get,
    Offer,
    OfferOnce,
    Take,
    Remove,
    Clear,
    Sweep,
    Settle,
    Recover,
}

const CALLS: [Call; 11] = [
    Call::Put,
    Call::Add,
    Call::Get,
    Call::Offer,
    Call::OfferOnce,
    Call::Take,
    Call::Remove,
    Call::Clear,
    Call::Sweep,
    Call::Settle,
    Call::Recover,
];

const OLD: [u8; 40] = [1; 40];
const NEW: [u8; 24] = [2; 24];

fn perform(process: &Process<'_>, call: Call) -> Option<Vec<u8>> {
    match call {
        Call::Put => drop(process.store(1, &NEW, 0)),
        Call::Add => drop(process.store(1, &NEW, 7)),
        Call::Get => drop(process.get(1)),
        Call::Offer => drop(process.offer(1)),
        Call::OfferOnce => return process.read(1, ReadMode::Offer, true),
        Call::Take => return process.take(1),
        Call::Remove => drop(process.table().remove(hash(1), at(0))),
        Call::Clear => _ = process.table().clear(),
        // The session of key 2 has expired then.
        Call::Sweep => drop(process.sweep_at(at(10))),
        Call::Settle => process.table().settle(hash(1)),
        Call::Recover => drop(process.table().recover_all()),
    }
    None
}

/// Runs the call in a process that is killed before the given step. Returns false if the call has fewer steps.
fn kill_and_recover(call: Call, is_full: bool, at_step: u64) -> bool {
    let memory = Memory::new(10);
    let owners = TestOwners::new(1);
    let mut victims = vec![Process::new(&memory, owners.other(2, 1))];
    let survivor = Process::new(&memory, owners);
    survivor.store(1, &OLD, 0).unwrap();
    survivor.store_at(2, &OLD, 0, 10, at(0)).unwrap();
    if is_full {
        for key in 3..=SET as u64 {
            survivor.store(key, &OLD, 0).unwrap();
        }
    }
    if let Call::Recover = call {
        // An earlier process died in the middle of an insertion, and another dies while it recovers.
        kill_before(90, || perform(&victims[0], Call::Put));
        survivor.owners.kill(victims[0].owners.mine());
        victims.push(Process::new(&memory, survivor.owners.other(2, 2)));
    }
    let victim = victims.last().unwrap();
    if let Call::Settle = call {
        victim.offer(1);
    }
    let result = kill_before(at_step, || perform(victim, call));
    survivor.owners.kill(victim.owners.mine());

    // Whatever is there is whole.
    let is_whole = |blob: &[u8]| blob == OLD || blob == NEW;
    let mut found = 0;
    while let Some(blob) = survivor.take(1) {
        assert!(is_whole(&blob), "{call:?} killed before step {at_step}");
        found += 1;
    }
    assert!(found <= 2);
    if let Some(Some(taken)) = &result {
        assert!(is_whole(taken) && found == 0);
    }
    if let (Call::Get | Call::Settle | Call::Sweep | Call::Offer, None) = (call, &result) {
        assert_eq!(found, 1, "{call:?} killed before step {at_step} lost a session");
    }
    // The next insertion finds room, and the next sweep leaves nothing behind.
    survivor.store(1, &NEW, 0).unwrap();
    assert_eq!(survivor.get(1).as_deref(), Some(&NEW[..]));
    survivor.sweep_at(at(10));
    memory.check_clean();
    assert_eq!(survivor.get(1).as_deref(), Some(&NEW[..]));
    result.is_none()
}

#[test]
fn the_next_process_recovers_whatever_a_killed_one_left() {
    for call in CALLS {
        for is_full in [false, true] {
            let steps =
                (0..10_000).take_while(|step| kill_and_recover(call, is_full, *step)).count();
            assert!((10..3000).contains(&steps), "{call:?}: {steps} steps");
        }
    }
}
