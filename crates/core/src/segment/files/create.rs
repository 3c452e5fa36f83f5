//! Makes a file as a whole before it gets its name, so that no process sees it half made.

use std::fs::{self, File, OpenOptions, Permissions};
use std::io::ErrorKind;
use std::os::unix::fs::{FileExt, OpenOptionsExt, PermissionsExt};
use std::path::Path;

use super::open::{MODE, check_file_system, failed};
use super::sys;
use crate::segment::layout::WORD;
use crate::segment::{SegmentError, SegmentErrorKind};

/// A file that is to be made.
pub(super) struct NewFile<'a> {
    /// The first words. The others are zeros.
    pub(super) header: &'a [u64],
    /// The length.
    pub(super) bytes: u64,
    /// How many bytes are allocated from the start on.
    pub(super) allocated: u64,
}

/// Makes a file under the path, unless there is one. Returns false if there is.
pub(super) fn create(path: &Path, new: &NewFile<'_>) -> Result<bool, SegmentError> {
    check_limit(path, new.bytes)?;
    let file = nameless(path)?;
    check_file_system(path, &file)?;
    let failed = |call: &'static str| move |error| failed(path, call, &error);
    // The process may have a mask that changes the mode.
    file.set_permissions(Permissions::from_mode(MODE)).map_err(failed("fchmod"))?;
    file.set_len(new.bytes).map_err(failed("ftruncate"))?;
    sys::allocate(&file, 0, new.allocated).map_err(failed("fallocate"))?;
    let header: Vec<u8> = new.header.iter().flat_map(|word| word.to_ne_bytes()).collect();
    file.write_all_at(&header, 0).map_err(failed("pwrite"))?;
    match sys::publish(&file, path) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(false),
        Err(error) => Err(failed("linkat")(error)),
    }
}

/// Reads the first words of a file.
pub(super) fn read_header<const WORDS: usize>(
    path: &Path,
    file: &File,
) -> Result<[u64; WORDS], SegmentError> {
    let mut bytes = vec![0; WORDS * WORD];
    file.read_exact_at(&mut bytes, 0).map_err(|error| failed(path, "pread", &error))?;
    let (words, _) = bytes.as_chunks::<WORD>();
    Ok(std::array::from_fn(|word| u64::from_ne_bytes(words[word])))
}

/// Removes a file, if there is one.
pub(super) fn remove(path: &Path) -> Result<(), SegmentError> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(failed(path, "unlink", &error)),
        _ => Ok(()),
    }
}

fn nameless(path: &Path) -> Result<File, SegmentError> {
    let folder = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        Some(_) => Path::new("."),
        None => Path::new("/"),
    };
    let flags = libc::O_TMPFILE | libc::O_CLOEXEC;
    let opened =
        OpenOptions::new().read(true).write(true).mode(MODE).custom_flags(flags).open(folder);
    opened.map_err(|error| match error.raw_os_error() {
        // File systems without nameless files are not on the list either.
        Some(libc::EOPNOTSUPP | libc::EISDIR) => SegmentError::new(
            SegmentErrorKind::FileSystem,
            path,
            "a file on tmpfs, such as in /run or /dev/shm",
            "a file system without O_TMPFILE",
        ),
        _ => failed(path, "open", &error),
    })
}

fn check_limit(path: &Path, bytes: u64) -> Result<(), SegmentError> {
    let limit = sys::file_size_limit();
    if bytes <= limit {
        return Ok(());
    }
    let expected = format!("a limit of file sizes (RLIMIT_FSIZE) of at least {bytes} bytes");
    let found = format!("{limit} bytes");
    Err(SegmentError::new(SegmentErrorKind::FileSizeLimit, path, expected, found))
}
