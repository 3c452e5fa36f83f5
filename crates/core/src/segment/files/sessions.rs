//! The session file of a control file.

use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Read};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::Instant;

use super::control::ControlFile;
use super::create::{NewFile, create, read_header, remove};
use super::mapping::Mapping;
use super::open::{failed, identify, open};
use super::own_file::OwnFile;
use super::{FileId, MAX_WAIT, POLL, sys};
use crate::segment::checksum::Checksum;
use crate::segment::layout::{
    SESSIONS_MAGIC, SessionLayout, WORD, locks, sessions_header as header,
};
use crate::segment::{SegmentError, SegmentErrorKind};

const HEADER_WORDS: usize = header::CHECKSUM + 1;

/// The session file of one version of the layout, open and mapped.
pub(crate) struct SessionFile {
    path: PathBuf,
    pub(super) file: OwnFile,
    pub(crate) mapping: Mapping,
    pub(crate) layout: SessionLayout,
    /// The version of the layout.
    pub(crate) version: u64,
}

impl SessionFile {
    /// Opens the session file of a control file with that version of the layout, or makes it. A session file that belongs to
    /// another control file is replaced.
    pub(crate) fn open(control: &ControlFile, version: u64) -> Result<Self, SegmentError> {
        let mut path = control.path.clone().into_os_string();
        path.push(format!(".v{version}"));
        let path = PathBuf::from(path);
        let layout = control.session_layout();
        let header = header_words(control, version);
        let bytes = (layout.words * WORD) as u64;

        let (file, id) = match open_own(&path, &header, bytes)? {
            Some(opened) => opened,
            None => make(&path, control, &header, &layout)?,
        };
        let mapping =
            Mapping::new(&file, layout.words).map_err(|error| failed(&path, "mmap", &error))?;
        // A session begins with its secrets.
        mapping.lock_in_memory(layout.sessions.pieces(0));
        Ok(Self { path, file: OwnFile::new(file, id), mapping, layout, version })
    }

    /// True if the path still names this file, the file is whole, and its descriptor is open.
    pub(crate) fn is_current(&self) -> bool {
        !self.mapping.is_dead()
            && identify(&self.path) == Some(self.file.id)
            && self.file.get().is_some()
    }

    /// Returns the bytes of memory that the file takes.
    pub(crate) fn allocated_bytes(&self) -> u64 {
        let found = self.file.get().and_then(|file| file.metadata().ok());
        found.map_or(0, |metadata| metadata.blocks() * 512)
    }

    /// Removes the file, if the path still names it.
    pub(crate) fn remove(&self) -> Result<(), SegmentError> {
        if identify(&self.path) == Some(self.file.id) { remove(&self.path) } else { Ok(()) }
    }

    /// Allocates a range of words. Returns false if there is no room.
    pub(crate) fn allocate(&self, from: usize, words: usize) -> bool {
        let (from, bytes) = ((from * WORD) as u64, (words * WORD) as u64);
        self.file.get().is_some_and(|file| sys::allocate(file, from, bytes).is_ok())
    }
}

/// Opens the file if it belongs to the control file.
fn open_own(
    path: &Path,
    header: &[u64; HEADER_WORDS],
    bytes: u64,
) -> Result<Option<(File, FileId)>, SegmentError> {
    let opened = match open(path, bytes) {
        // A file of another length, with the rights of a segment, is left from an earlier control file.
        Err(error) if error.kind() == SegmentErrorKind::Content => None,
        opened => opened?,
    };
    let Some((file, id)) = opened else { return Ok(None) };
    let is_own = read_header::<HEADER_WORDS>(path, &file)? == *header;
    Ok(is_own.then_some((file, id)))
}

/// Makes the file. Only one process at a time does so, unless that one is suspended.
fn make(
    path: &Path,
    control: &ControlFile,
    header: &[u64; HEADER_WORDS],
    layout: &SessionLayout,
) -> Result<(File, FileId), SegmentError> {
    let bytes = (layout.words * WORD) as u64;
    let began = Instant::now();
    loop {
        let lock_file = control.file.get();
        let held = match lock_file.map(|file| (file, sys::lock(file, locks::SESSIONS))) {
            Some((file, Ok(true))) => Some(Held(file)),
            Some((_, Err(error))) => return Err(failed(path, "fcntl", &error)),
            Some((_, Ok(false))) | None => None,
        };
        if let Some(opened) = open_own(path, header, bytes)? {
            return Ok(opened);
        }
        let waited = began.elapsed();
        // The lock is held for milliseconds, or by a suspended process. If that one goes on later and removes this file, its users
        // attach to the next one within a second.
        if held.is_some() || waited > MAX_WAIT {
            check_is_replaceable(path, control)?;
            remove(path)?;
            let allocated = (layout.allocated * WORD) as u64;
            create(path, &NewFile { header, bytes, allocated })?;
        } else {
            std::thread::sleep(POLL);
        }
        if waited > 2 * MAX_WAIT {
            let (expected, found) =
                ("a session file that stays", "one that is removed again and again");
            return Err(SegmentError::new(SegmentErrorKind::Busy, path, expected, found));
        }
    }
}

/// Refuses a file that is no session file, because it may be any other one of the user, and a control file that was replaced.
fn check_is_replaceable(path: &Path, control: &ControlFile) -> Result<(), SegmentError> {
    if !control.is_current() {
        let (expected, found) = ("a control file that stays", "one that was removed");
        return Err(SegmentError::new(SegmentErrorKind::Busy, &control.path, expected, found));
    }
    let flags = libc::O_NOFOLLOW | libc::O_CLOEXEC | libc::O_NONBLOCK | libc::O_NOCTTY;
    let file = match OpenOptions::new().read(true).custom_flags(flags).open(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        opened => opened.map_err(|error| failed(path, "open", &error))?,
    };
    let mut begin = Vec::with_capacity(WORD);
    let read = file.take(WORD as u64).read_to_end(&mut begin);
    read.map_err(|error| failed(path, "read", &error))?;
    // A session file that another program truncated has no header.
    begin.resize(WORD, 0);
    let (words, _) = begin.as_chunks::<WORD>();
    match u64::from_ne_bytes(words[0]) {
        0 | SESSIONS_MAGIC => Ok(()),
        _ => {
            let (expected, found) = ("a file of sessions", "a file of another kind");
            Err(SegmentError::new(SegmentErrorKind::Content, path, expected, found))
        }
    }
}

/// The lock under which the file is made.
struct Held<'a>(&'a File);

impl Drop for Held<'_> {
    fn drop(&mut self) {
        let _ = sys::unlock(self.0, locks::SESSIONS);
    }
}

fn header_words(control: &ControlFile, version: u64) -> [u64; HEADER_WORDS] {
    let mut words = [0; HEADER_WORDS];
    words[header::MAGIC] = SESSIONS_MAGIC;
    words[header::VERSION] = version;
    words[header::FILE_ID..][..2].copy_from_slice(&control.header().file_id);
    words[header::CHECKSUM] = Checksum::new().add_words(&words[..header::CHECKSUM]).finish();
    words
}
