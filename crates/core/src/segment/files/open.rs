//! Opens a file of a segment, and checks that it is one.

use std::fs::{self, File, Metadata, OpenOptions};
use std::io::{Error, ErrorKind};
use std::os::unix::fs::{FileTypeExt, MetadataExt, OpenOptionsExt};
use std::path::Path;

use super::{FileId, sys};
use crate::segment::{SegmentError, SegmentErrorKind};

/// The permissions of the files: the user only.
pub(super) const MODE: u32 = 0o600;

/// Opens a file that must have this many bytes. Returns `None` if there is none under the path.
pub(super) fn open(path: &Path, bytes: u64) -> Result<Option<(File, FileId)>, SegmentError> {
    // A symbolic link is refused. Without waiting, a named pipe is no trap.
    let flags = libc::O_NOFOLLOW | libc::O_CLOEXEC | libc::O_NONBLOCK | libc::O_NOCTTY;
    let file = match OpenOptions::new().read(true).write(true).custom_flags(flags).open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(explain(path, &error)),
    };
    let metadata = file.metadata().map_err(|error| failed(path, "fstat", &error))?;
    if metadata.nlink() == 0 {
        // It was removed just now.
        return Ok(None);
    }
    check(path, &file, &metadata, bytes)?;
    Ok(Some((file, FileId::of(&metadata))))
}

/// Returns the file that the path names now.
pub(super) fn identify(path: &Path) -> Option<FileId> {
    fs::symlink_metadata(path).ok().map(|metadata| FileId::of(&metadata))
}

fn check(path: &Path, file: &File, found: &Metadata, bytes: u64) -> Result<(), SegmentError> {
    use SegmentErrorKind as Kind;
    let error =
        |kind, expected: String, found: String| Err(SegmentError::new(kind, path, expected, found));
    if !found.is_file() {
        return error(Kind::FileType, "a regular file".into(), type_name(found).into());
    }
    check_file_system(path, file)?;
    check_rights(path, found)?;
    if found.nlink() != 1 {
        return error(
            Kind::Links,
            "a file with one name".into(),
            format!("{} names", found.nlink()),
        );
    }
    if found.size() != bytes {
        return error(Kind::Content, format!("{bytes} bytes"), format!("{} bytes", found.size()));
    }
    Ok(())
}

fn check_rights(path: &Path, found: &Metadata) -> Result<(), SegmentError> {
    use SegmentErrorKind as Kind;
    let user = sys::effective_user();
    if found.uid() != user {
        let (expected, found) = (format!("a file of user {user}"), format!("user {}", found.uid()));
        return Err(SegmentError::new(Kind::Owner, path, expected, found));
    }
    let mode = found.mode() & 0o7777;
    if mode != MODE {
        let (expected, found) = (format!("mode {MODE:04o}"), format!("{mode:04o}"));
        return Err(SegmentError::new(Kind::Mode, path, expected, found));
    }
    Ok(())
}

/// Checks that processes share mappings and locks of files on the file system of an open file or folder.
pub(super) fn check_file_system(path: &Path, file: &File) -> Result<(), SegmentError> {
    match sys::shared_file_system(file).map_err(|error| failed(path, "fstatfs", &error))? {
        Ok(_) => Ok(()),
        Err(number) => Err(SegmentError::new(
            SegmentErrorKind::FileSystem,
            path,
            "a file on tmpfs, such as in /run or /dev/shm",
            format!("a file system of type {number:#x}"),
        )),
    }
}

/// Finds out why a file cannot be opened.
fn explain(path: &Path, error: &Error) -> SegmentError {
    use SegmentErrorKind as Kind;
    let metadata = fs::symlink_metadata(path);
    if let Ok(found) = &metadata {
        if !found.is_file() {
            return SegmentError::new(Kind::FileType, path, "a regular file", type_name(found));
        }
        if error.kind() == ErrorKind::PermissionDenied
            && let Err(error) = check_rights(path, found)
        {
            return error;
        }
    }
    failed(path, "open", error)
}

fn type_name(found: &Metadata) -> &'static str {
    let kind = found.file_type();
    match () {
        () if kind.is_dir() => "a folder",
        () if kind.is_symlink() => "a symbolic link",
        () if kind.is_fifo() => "a named pipe",
        () if kind.is_socket() => "a socket",
        () => "a device",
    }
}

/// Makes the error of a failed call.
pub(super) fn failed(path: &Path, call: &str, error: &Error) -> SegmentError {
    use SegmentErrorKind as Kind;
    let (kind, expected) = match error.raw_os_error() {
        Some(libc::ENOSPC | libc::EDQUOT | libc::ENOMEM) => (Kind::Space, "room for the file"),
        Some(libc::EROFS) => (Kind::ReadOnly, "a writable file system"),
        Some(libc::EACCES | libc::EPERM) => (Kind::Permission, "a folder that this user may use"),
        Some(libc::ENOENT | libc::ENOTDIR | libc::ENAMETOOLONG | libc::EINVAL) => {
            (Kind::Path, "a path in an existing folder")
        }
        _ => (Kind::System, "no error of the system"),
    };
    SegmentError::new(kind, path, expected, format!("{call}: {error}"))
}
