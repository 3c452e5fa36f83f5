//! A file whose descriptor other code of the process may close by mistake. The number of the descriptor may be that of another
//! file then, which must not be changed.

use std::fs::File;
use std::os::fd::IntoRawFd;

use super::FileId;

/// An open file. It is closed only if its descriptor is still its own.
pub(super) struct OwnFile {
    /// `None` only during the drop.
    file: Option<File>,
    pub(super) id: FileId,
}

impl OwnFile {
    pub(super) fn new(file: File, id: FileId) -> Self {
        Self { file: Some(file), id }
    }

    /// Returns the file, unless its descriptor is that of another file, or closed.
    pub(super) fn get(&self) -> Option<&File> {
        let is_own =
            |file: &&File| file.metadata().is_ok_and(|found| FileId::of(&found) == self.id);
        self.file.as_ref().filter(is_own)
    }
}

impl Drop for OwnFile {
    fn drop(&mut self) {
        if self.get().is_none()
            && let Some(file) = self.file.take()
        {
            // Not closed: the descriptor may be that of another file.
            let _ = file.into_raw_fd();
        }
    }
}
