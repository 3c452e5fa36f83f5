//! The two files of a segment: made, opened, mapped, and owned by processes.

mod control;
mod create;
pub(crate) mod mapping;
mod open;
mod own_file;
mod owners;
mod sessions;
mod sigbus;
mod sys;
#[cfg(all(test, not(loom)))]
pub(crate) mod tests;

pub(crate) use control::ControlFile;
pub(crate) use sessions::SessionFile;

/// How long a call waits for another process that makes a file.
const MAX_WAIT: std::time::Duration = std::time::Duration::from_millis(200);
const POLL: std::time::Duration = std::time::Duration::from_millis(2);

/// A file as `stat` names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct FileId {
    device: u64,
    inode: u64,
}

impl FileId {
    fn of(metadata: &std::fs::Metadata) -> Self {
        use std::os::unix::fs::MetadataExt;
        Self { device: metadata.dev(), inode: metadata.ino() }
    }
}
