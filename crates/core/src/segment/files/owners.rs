//! Owner numbers: one locked byte of the control file for each process. The kernel ends the lock when the process ends,
//! however it ends.

use std::fs::File;
use std::path::Path;
use std::sync::TryLockError;

use super::control::ControlFile;
use super::open::failed;
use super::sys;
use crate::segment::layout::{OWNERS, locks};
use crate::segment::owner::{MAX_OWNERS, Owner, Owners};
use crate::segment::sync::{AtomicU64, Ordering};
use crate::segment::{SegmentError, SegmentErrorKind};

const PID_SHIFT: u32 = 32;

/// Takes a free number. It is the process's until the file is closed.
pub(super) fn claim(path: &Path, file: &File, words: &[AtomicU64]) -> Result<Owner, SegmentError> {
    for number in 1..=MAX_OWNERS {
        if !sys::lock(file, byte_of(number)).map_err(|error| failed(path, "fcntl", &error))? {
            continue;
        }
        let word = &words[OWNERS.start + number as usize];
        let before = word.load(Ordering::Relaxed);
        let mut owner = Owner::new(number, incarnation(before).wrapping_add(1));
        if owner.incarnation() == 0 {
            owner = Owner::new(number, 1);
        }
        let pid = u64::from(std::process::id()) << PID_SHIFT;
        // SeqCst: before the first operation of this process, so that a process that sees a word of it sees this.
        word.store(pid | u64::from(owner.incarnation()), Ordering::SeqCst);
        return Ok(owner);
    }
    let (expected, found) = (format!("at most {MAX_OWNERS} processes"), "one more");
    Err(SegmentError::new(SegmentErrorKind::Processes, path, expected, found))
}

fn byte_of(number: u32) -> i64 {
    locks::OWNERS + i64::from(number)
}

#[expect(clippy::cast_possible_truncation, reason = "the low half")]
fn incarnation(word: u64) -> u32 {
    word as u32
}

impl ControlFile {
    /// True if another process has locked the byte of a number, and if the descriptor says nothing about locks.
    fn is_locked(&self, number: u32) -> bool {
        let Some(file) = self.file.get() else { return true };
        sys::is_locked(file, byte_of(number)).unwrap_or(true)
    }

    fn has_current_incarnation(&self, owner: Owner) -> bool {
        let word = self.mapping[OWNERS.start + owner.number() as usize].load(Ordering::SeqCst);
        Owner::new(owner.number(), incarnation(word)) == owner
    }

    /// Returns the process IDs of the owners that are alive, as they were when these opened the file.
    pub(crate) fn processes(&self) -> Vec<u32> {
        let word = |number| self.mapping[OWNERS.start + number as usize].load(Ordering::Relaxed);
        let all = (1..=MAX_OWNERS).map(|number| (number, word(number)));
        // A number that was never given needs no call of the system.
        let alive = all.filter(|(number, word)| {
            *number == self.mine.number() || *word != 0 && self.is_locked(*number)
        });
        alive.map(|(_, word)| (word >> PID_SHIFT) as u32).collect()
    }
}

impl Owners for ControlFile {
    fn mine(&self) -> Owner {
        self.mine
    }

    fn is_alive(&self, owner: Owner) -> bool {
        match owner.number() {
            0 => false,
            // The lock is this process's own, so only the incarnation can differ.
            number if number == self.mine.number() => owner == self.mine,
            _ if !self.has_current_incarnation(owner) => false,
            number => self.is_locked(number),
        }
    }

    fn bury<R>(&self, owner: Owner, recover: impl FnOnce() -> R) -> Option<R> {
        let number = owner.number();
        if number == 0 || number == self.mine.number() {
            return (owner != self.mine).then(recover);
        }
        // Locks belong to the open file, so they do not keep the threads of this process apart.
        let _one_at_a_time = match self.burying.try_lock() {
            Ok(guard) => guard,
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
            Err(TryLockError::WouldBlock) => return None,
        };
        let file = self.file.get()?;
        if !sys::lock(file, byte_of(number)).unwrap_or(false) {
            // A process has the number. If it is a later one, that gives the earlier one up.
            return (!self.has_current_incarnation(owner)).then(recover);
        }
        let held = Held { file, number };
        let result = recover();
        drop(held);
        Some(result)
    }
}

/// The byte of a dead owner, locked until this is dropped.
struct Held<'a> {
    file: &'a File,
    number: u32,
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        // If it fails, the number stays taken until this process ends.
        let _ = sys::unlock(self.file, byte_of(self.number));
    }
}
