//! The system calls of the segment that the standard library does not have.
#![allow(unsafe_code)]

use std::ffi::CString;
use std::fs::File;
use std::io::{Error, ErrorKind, Result};
use std::mem::MaybeUninit;
use std::os::fd::AsRawFd;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

/// Lock commands for open file descriptions: Linux has the same numbers on every architecture.
const F_OFD_GETLK: libc::c_int = 36;
const F_OFD_SETLK: libc::c_int = 37;

const TMPFS_MAGIC: i64 = 0x0102_1994;

/// Returns the name of the file system of an open file, if mappings and locks of it are known to be shared by all
/// processes. Otherwise returns its number as the error.
pub(super) fn shared_file_system(file: &File) -> Result<std::result::Result<&'static str, i64>> {
    let mut found = MaybeUninit::<libc::statfs>::uninit();
    // SAFETY: the descriptor is open, and there is room for the answer.
    check(unsafe { libc::fstatfs(file.as_raw_fd(), found.as_mut_ptr()) })?;
    // SAFETY: it succeeded, so the answer is there.
    let found = unsafe { found.assume_init() };
    #[allow(clippy::unnecessary_cast, reason = "of another type in other C libraries")]
    match found.f_type as i64 {
        TMPFS_MAGIC => Ok(Ok("tmpfs")),
        other => Ok(Err(other)),
    }
}

/// How many bytes are allocated at once. On tmpfs of older kernels a signal undoes the call, so a long one might never end.
const CHUNK: usize = 256 * 1024;

/// Allocates a range of a file, so that using it cannot fail any more. The length of the file stays.
pub(super) fn allocate(file: &File, from: u64, bytes: u64) -> Result<()> {
    for done in (0..bytes).step_by(CHUNK) {
        allocate_chunk(file, from + done, (bytes - done).min(CHUNK as u64))?;
    }
    Ok(())
}

fn allocate_chunk(file: &File, from: u64, bytes: u64) -> Result<()> {
    let (from, bytes) = (to_offset(from)?, to_offset(bytes)?);
    loop {
        // SAFETY: the descriptor is open; the call touches no memory.
        let status =
            unsafe { libc::fallocate(file.as_raw_fd(), libc::FALLOC_FL_KEEP_SIZE, from, bytes) };
        match check(status) {
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            result => return result,
        }
    }
}

/// Gives a file without a name its first one. Fails if the name is taken.
pub(super) fn publish(file: &File, path: &Path) -> Result<()> {
    let to = to_c_string(path)?;
    let from = to_c_string(Path::new(&format!("/proc/self/fd/{}", file.as_raw_fd())))?;
    // SAFETY: both strings end with zero and live during the call.
    check(unsafe {
        libc::linkat(
            libc::AT_FDCWD,
            from.as_ptr(),
            libc::AT_FDCWD,
            to.as_ptr(),
            libc::AT_SYMLINK_FOLLOW,
        )
    })
}

/// Locks one byte for the open file description. Returns false if another one has it.
pub(super) fn lock(file: &File, byte: i64) -> Result<bool> {
    let status = ofd_lock(file, F_OFD_SETLK, libc::F_WRLCK, byte);
    match status {
        Ok(_) => Ok(true),
        Err(error) if matches!(error.raw_os_error(), Some(libc::EAGAIN | libc::EACCES)) => {
            Ok(false)
        }
        Err(error) => Err(error),
    }
}

/// Ends a lock of the open file description.
pub(super) fn unlock(file: &File, byte: i64) -> Result<()> {
    ofd_lock(file, F_OFD_SETLK, libc::F_UNLCK, byte).map(drop)
}

/// True if another open file description has locked the byte.
pub(super) fn is_locked(file: &File, byte: i64) -> Result<bool> {
    let found = ofd_lock(file, F_OFD_GETLK, libc::F_WRLCK, byte)?;
    Ok(found != libc::F_UNLCK)
}

/// Returns the type of lock that the system answers with.
#[expect(clippy::cast_possible_truncation, reason = "small constants")]
fn ofd_lock(
    file: &File,
    command: libc::c_int,
    kind: libc::c_int,
    byte: i64,
) -> Result<libc::c_int> {
    // SAFETY: the structure consists of numbers, for which zeros are valid. The system demands a process ID of 0.
    let mut lock: libc::flock = unsafe { std::mem::zeroed() };
    lock.l_type = kind as libc::c_short;
    lock.l_whence = libc::SEEK_SET as libc::c_short;
    lock.l_start = byte;
    lock.l_len = 1;
    // SAFETY: the descriptor is open, and the structure lives during the call.
    check(unsafe { libc::fcntl(file.as_raw_fd(), command, &raw mut lock) })?;
    Ok(lock.l_type.into())
}

/// Returns the largest file that the process may make, in bytes. A larger one would raise a signal.
pub(super) fn file_size_limit() -> u64 {
    limit(libc::RLIMIT_FSIZE).unwrap_or(u64::MAX)
}

/// Returns how many bytes the process may lock.
pub(super) fn memory_lock_limit() -> u64 {
    limit(libc::RLIMIT_MEMLOCK).unwrap_or(0)
}

#[allow(clippy::useless_conversion, reason = "the C libraries disagree about the type")]
fn limit(of: LimitName) -> Option<u64> {
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: there is room for the answer.
    let status = unsafe { libc::getrlimit(of, &raw mut limit) };
    (status == 0).then(|| u64::from(limit.rlim_cur))
}

#[cfg(target_env = "gnu")]
type LimitName = libc::__rlimit_resource_t;
#[cfg(not(target_env = "gnu"))]
type LimitName = libc::c_int;

/// Returns the effective user.
pub(super) fn effective_user() -> u32 {
    // SAFETY: it reads a number of the process.
    unsafe { libc::geteuid() }
}

fn check(status: libc::c_int) -> Result<()> {
    if status < 0 { Err(Error::last_os_error()) } else { Ok(()) }
}

fn to_offset(bytes: u64) -> Result<libc::off_t> {
    libc::off_t::try_from(bytes).map_err(|_| ErrorKind::InvalidInput.into())
}

fn to_c_string(path: &Path) -> Result<CString> {
    Ok(CString::new(path.as_os_str().as_bytes())?)
}
