//! Maps files, shared with other processes.
#![allow(unsafe_code)]

use std::fs::File;
use std::io::{Error, Result};
use std::ops::{Deref, Range};
use std::os::fd::AsRawFd;
use std::ptr::{self, NonNull};
use std::slice;

use super::sigbus::Protection;
use super::sys;
use crate::segment::layout::WORD;
use crate::segment::sync::AtomicU64;
use crate::store::memory::mlock::MemoryLock;

/// The words of a file, shared with all processes that map it.
///
/// Other processes change them at any time, and a hostile one to any value. So nothing that was read from them is relied on
/// for memory safety.
pub(crate) struct Mapping {
    protection: Protection,
    start: NonNull<AtomicU64>,
    words: usize,
    memory_lock: MemoryLock,
    is_excluded_from_core_dumps: bool,
}

impl Mapping {
    /// Maps the first words of a file, which must be that long.
    pub(crate) fn new(file: &File, words: usize) -> Result<Self> {
        let bytes = words * WORD;
        let access = libc::PROT_READ | libc::PROT_WRITE;
        // SAFETY: the system chooses the addresses, so no other memory changes.
        let start = unsafe {
            libc::mmap(ptr::null_mut(), bytes, access, libc::MAP_SHARED, file.as_raw_fd(), 0)
        };
        if start == libc::MAP_FAILED {
            return Err(Error::last_os_error());
        }
        let Some(protection) = Protection::new(start as usize, bytes) else {
            // SAFETY: this was mapped just now, and nothing refers to it.
            unsafe { libc::munmap(start, bytes) };
            return Err(Error::other("the process has too many files mapped"));
        };
        // SAFETY: the range is mapped; the advice changes no content.
        let advice = unsafe { libc::madvise(start, bytes, libc::MADV_DONTDUMP) };
        Ok(Self {
            protection,
            start: NonNull::new(start.cast()).expect("the system maps nothing at address 0"),
            words,
            memory_lock: MemoryLock::default(),
            is_excluded_from_core_dumps: advice == 0,
        })
    }

    /// True if the file was truncated, so that nothing is shared any more.
    pub(crate) fn is_dead(&self) -> bool {
        self.protection.is_dead()
    }

    /// True if the system excludes the words from core dumps.
    pub(crate) fn is_excluded_from_core_dumps(&self) -> bool {
        self.is_excluded_from_core_dumps
    }

    /// Keeps the beginning of a range of words out of swap space, as far as the budget of the process permits. Only pages
    /// that are in use are locked: a plain `mlock` would allocate the whole file.
    pub(crate) fn lock_in_memory(&self, range: Range<usize>) {
        let (from, bytes) = (range.start * WORD, range.len() * WORD);
        let start = self.start.as_ptr().cast::<u8>().wrapping_add(from);
        #[expect(clippy::cast_possible_truncation, reason = "at most the length of the range")]
        let lock = |from: u64, to: u64| {
            let (from, to) = (from as usize, bytes.min(to as usize));
            // SAFETY: the range is a part of the mapping, and locking changes no content.
            let status = unsafe {
                libc::mlock2(start.wrapping_add(from).cast(), to - from, libc::MLOCK_ONFAULT)
            };
            status == 0
        };
        self.memory_lock.reach(bytes as u64, lock, sys::memory_lock_limit);
    }

    /// Returns how many bytes are kept out of swap space.
    pub(crate) fn locked(&self) -> u64 {
        self.memory_lock.locked()
    }
}

impl Deref for Mapping {
    type Target = [AtomicU64];

    fn deref(&self) -> &[AtomicU64] {
        // SAFETY: the words are mapped until the drop, and aligned because a mapping begins at a page. Every bit pattern is
        // a valid word, and atomics may be changed by others at any time. After a truncation the signal handler puts zeros
        // in their place.
        unsafe { slice::from_raw_parts(self.start.as_ptr(), self.words) }
    }
}

impl Drop for Mapping {
    fn drop(&mut self) {
        self.protection.end();
        // SAFETY: `new` mapped exactly this, and no reference outlives `self`.
        unsafe { libc::munmap(self.start.as_ptr().cast(), self.words * WORD) };
    }
}

// SAFETY: it owns the mapping, which any thread may use and unmap.
unsafe impl Send for Mapping {}
// SAFETY: it gives out only shared references to atomics.
unsafe impl Sync for Mapping {}
