use std::fmt;
use std::path::{Path, PathBuf};

/// What kept a file from being used as a segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum SegmentErrorKind {
    /// The platform has no segments.
    Unsupported,
    /// The path cannot be used: it is empty, has a zero byte, or its folder does not exist.
    Path,
    /// It is no regular file.
    FileType,
    /// The file system is not on the list of those that share mappings and locks.
    FileSystem,
    /// The file belongs to another user.
    Owner,
    /// Other users may read or write the file.
    Mode,
    /// The file has another name as well.
    Links,
    /// The file has another content: it is no segment, or damaged.
    Content,
    /// The file was made with other options.
    Options,
    /// Another process kept a lock for too long.
    Busy,
    /// As many processes use the file as it has numbers for.
    Processes,
    /// The file system has no room for the file.
    Space,
    /// A limit of the process forbids a file of that size (`RLIMIT_FSIZE`).
    FileSizeLimit,
    /// The system has no random bytes.
    Random,
    /// A system call failed for another reason.
    System,
    /// The file system is mounted read-only.
    ReadOnly,
    /// The process may not use the folder of the file, or the file.
    Permission,
}

/// A segment was not opened. Says what was expected and what was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SegmentError {
    kind: SegmentErrorKind,
    path: PathBuf,
    expected: String,
    found: String,
}

impl SegmentError {
    pub(crate) fn new(
        kind: SegmentErrorKind,
        path: &Path,
        expected: impl Into<String>,
        found: impl Into<String>,
    ) -> Self {
        let (path, expected, found) = (path.to_owned(), expected.into(), found.into());
        Self { kind, path, expected, found }
    }

    /// Returns the kind.
    #[must_use]
    pub fn kind(&self) -> SegmentErrorKind {
        self.kind
    }

    /// Returns the path of the file: the path of the segment, or that of its session file.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Returns what was expected. With [`SegmentErrorKind::Options`] it is what the file has.
    #[must_use]
    pub fn expected(&self) -> &str {
        &self.expected
    }

    /// Returns what was found. With [`SegmentErrorKind::Options`] it is what the caller asked for.
    #[must_use]
    pub fn found(&self) -> &str {
        &self.found
    }
}

impl fmt::Display for SegmentError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: expected {}, found {}", self.path.display(), self.expected, self.found)
    }
}

impl std::error::Error for SegmentError {}
