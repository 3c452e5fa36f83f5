//! A file whose descriptor other code of the process may close by mistake. The number of the descriptor may be that of another
//! file then, which must not be changed.

use std::collections::BTreeMap;
use std::fs::File;
use std::os::fd::{AsRawFd, IntoRawFd, RawFd};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::FileId;

/// Which `OwnFile` has each descriptor: the same file may be opened again with a number that other code has closed.
static HOLDERS: Mutex<Holders> = Mutex::new(Holders { last: 0, of: BTreeMap::new() });

struct Holders {
    /// The serial number of the last `OwnFile`.
    last: u64,
    of: BTreeMap<RawFd, u64>,
}

/// An open file. It is closed only if its descriptor is still its own. Any thread may use it.
pub(super) struct OwnFile {
    /// `None` only during the drop.
    file: Option<File>,
    pub(super) id: FileId,
    serial: u64,
}

impl OwnFile {
    pub(super) fn new(file: File, id: FileId) -> Self {
        let mut holders = holders();
        holders.last += 1;
        let serial = holders.last;
        holders.of.insert(file.as_raw_fd(), serial);
        Self { file: Some(file), id, serial }
    }

    /// Returns the file, unless its descriptor is that of another opened file, or closed.
    pub(super) fn get(&self) -> Option<&File> {
        let is_own = |file: &&File| {
            holders().of.get(&file.as_raw_fd()) == Some(&self.serial)
                && file.metadata().is_ok_and(|found| FileId::of(&found) == self.id)
        };
        self.file.as_ref().filter(is_own)
    }
}

impl Drop for OwnFile {
    fn drop(&mut self) {
        let is_own = self.get().is_some();
        let Some(file) = self.file.take() else { return };
        let descriptor = file.as_raw_fd();
        let mut holders = holders();
        if holders.of.get(&descriptor) == Some(&self.serial) {
            holders.of.remove(&descriptor);
        }
        drop(holders);
        if !is_own {
            // Not closed: the descriptor may be that of another file.
            let _ = file.into_raw_fd();
        }
    }
}

fn holders() -> MutexGuard<'static, Holders> {
    HOLDERS.lock().unwrap_or_else(PoisonError::into_inner)
}
