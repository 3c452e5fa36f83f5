//! Memory whose address space is reserved at once. It becomes resident page by page when it is touched. On Windows it has to
//! be committed before, which counts against a limit of all processes; so large regions are committed in steps.
#![allow(unsafe_code)]

#[cfg(not(loom))]
pub(crate) use mapped::Reserved;

#[cfg(loom)]
pub(crate) use checked::Reserved;

use crate::store::index::node::Node;
use crate::store::sync::{AtomicU32, AtomicU64};

/// The system refused to reserve address space.
#[derive(Debug)]
pub(crate) struct OutOfAddressSpace {
    pub(crate) bytes: u64,
}

/// A type whose bytes may all be zero, and that needs no drop.
///
/// # Safety
///
/// Zeroed memory must be a valid value of the type, and the type must be sound to share between threads.
pub(crate) unsafe trait Zeroed: Sync {
    #[cfg(loom)]
    fn zero() -> Self;
}

macro_rules! zeroed {
    ($($type:ty = $zero:expr),*) => {$(
        // SAFETY: an atomic integer has the representation of the integer, and a node consists of atomic integers.
        unsafe impl Zeroed for $type {
            #[cfg(loom)]
            fn zero() -> Self {
                $zero
            }
        }
    )*};
}
zeroed!(AtomicU64 = AtomicU64::new(0), AtomicU32 = AtomicU32::new(0), Node = Node::default());
// A ticket key ring has no other atomics in its tests.
#[cfg(all(test, not(loom)))]
zeroed!(std::sync::atomic::AtomicU64 = Self::new(0));

#[cfg(not(loom))]
mod mapped {
    use std::marker::PhantomData;
    use std::ops::Deref;
    use std::ptr::NonNull;
    use std::slice;

    #[cfg(windows)]
    use super::super::commit::Committed;
    use super::super::mlock::{MemoryLock, STEP};
    #[cfg(windows)]
    use super::super::windows as map;
    #[cfg(not(windows))]
    use super::map;
    use super::{OutOfAddressSpace, Zeroed};

    /// A slice of zeroed values at a fixed address.
    pub(crate) struct Reserved<T> {
        start: NonNull<T>,
        len: usize,
        is_excluded_from_core_dumps: bool,
        memory_lock: MemoryLock,
        /// From this byte on the system is asked for large pages.
        large_from: usize,
        #[cfg(windows)]
        committed: Committed,
        owns: PhantomData<T>,
    }

    impl<T: Zeroed> Reserved<T> {
        /// Reserves address space for `len` values, all of which may be touched. None of it is resident yet.
        pub(crate) fn new(len: usize) -> Result<Self, OutOfAddressSpace> {
            let all = Self::in_steps(len)?;
            let bytes = (len * size_of::<T>()) as u64;
            if all.commit_up_to(len) { Ok(all) } else { Err(OutOfAddressSpace { bytes }) }
        }

        /// Reserves address space for `len` values. The first one may be touched, and others after
        /// [`commit_up_to`](Self::commit_up_to).
        pub(crate) fn in_steps(len: usize) -> Result<Self, OutOfAddressSpace> {
            let bytes = len.saturating_mul(size_of::<T>()).max(1);
            let refused = OutOfAddressSpace { bytes: bytes as u64 };
            let Some(start) = map::reserve(bytes, align_of::<T>()) else { return Err(refused) };
            let reserved = Self {
                start: start.cast(),
                len,
                is_excluded_from_core_dumps: map::exclude_from_core_dumps(start, bytes),
                memory_lock: MemoryLock::default(),
                large_from: map::prefer_large_pages(start, bytes),
                #[cfg(windows)]
                committed: Committed::default(),
                owns: PhantomData,
            };
            if reserved.commit_up_to(1) { Ok(reserved) } else { Err(refused) }
        }

        /// Makes the first `len` values usable, before one of them is touched. Returns false if the system refuses.
        #[cfg(windows)]
        #[must_use = "memory that is not committed must not be touched"]
        pub(crate) fn commit_up_to(&self, len: usize) -> bool {
            let size = size_of::<T>();
            self.committed.reach(len.min(self.len) * size, self.len * size, |from, to| {
                map::commit(self.start.cast(), from, to)
            })
        }

        /// Other systems commit pages when they are touched.
        #[cfg(not(windows))]
        #[inline]
        #[must_use = "memory that is not committed must not be touched"]
        #[expect(clippy::unused_self, reason = "as above")]
        pub(crate) fn commit_up_to(&self, _len: usize) -> bool {
            true
        }

        /// Keeps the first `len` values out of swap space, if the system and the budget permit.
        #[expect(clippy::cast_possible_truncation, reason = "at most the region's length")]
        pub(crate) fn lock_up_to(&self, len: usize) {
            let bytes = (self.len * size_of::<T>()) as u64;
            let large_from = self.large_from as u64;
            // A large page is locked as a whole, or the system would not make one.
            let end_of_step = |from: u64| {
                let is_large = from >= large_from;
                if is_large { from + map::LARGE_PAGE as u64 } else { large_from.min(from + STEP) }
            };
            self.memory_lock.reach_in_steps(
                (len * size_of::<T>()) as u64,
                end_of_step,
                |from, to| {
                    let to = to.min(bytes);
                    from < to && map::lock(self.start.cast(), from as usize, (to - from) as usize)
                },
                map::lock_limit,
            );
        }

        /// Gives the whole pages in a range of values back to the system. The caller owns these values, which are zero, and
        /// stay zero.
        pub(crate) fn release(&self, range: std::ops::Range<usize>) {
            let size = size_of::<T>();
            let (from, to) = (range.start * size, range.end * size);
            let large_from = self.large_from.clamp(from, to);
            self.release_bytes(from, large_from);
            if large_from < to {
                // Only whole large pages: the system would complete a part of one again some time later.
                let skipped = (large_from - self.large_from).next_multiple_of(map::LARGE_PAGE);
                let end = to - (to - self.large_from) % map::LARGE_PAGE;
                self.release_bytes((self.large_from + skipped).min(end), end);
            }
        }

        #[expect(clippy::cast_possible_truncation, reason = "at most the length")]
        fn release_bytes(&self, from: usize, to: usize) {
            // The locked part is at the start. The system refuses to release locked and other pages in one call.
            let locked = (self.memory_lock.locked() as usize).clamp(from, to);
            map::release_pages(self.start.cast(), from, locked, true);
            map::release_pages(self.start.cast(), locked, to, false);
        }

        /// Returns how many bytes are kept out of swap space.
        pub(crate) fn locked(&self) -> u64 {
            self.memory_lock.locked()
        }

        /// True if the system excludes the memory from core dumps.
        pub(crate) fn is_excluded_from_core_dumps(&self) -> bool {
            self.is_excluded_from_core_dumps
        }
    }

    impl<T> Deref for Reserved<T> {
        type Target = [T];

        fn deref(&self) -> &[T] {
            // SAFETY: the memory holds `len` values, is aligned for them, is mapped until the drop, and was
            // zeroed, which is a valid `T`; there is no mutable reference. On Windows no value is accessed before
            // `commit_up_to` has made it usable.
            unsafe { slice::from_raw_parts(self.start.as_ptr(), self.len) }
        }
    }

    impl<T> Drop for Reserved<T> {
        fn drop(&mut self) {
            let bytes = (self.len * size_of::<T>()).max(1);
            // SAFETY: `new` reserved exactly this, and no reference outlives `self`.
            unsafe { map::release(self.start.cast(), bytes, align_of::<T>()) };
        }
    }

    // SAFETY: it owns the memory, and values that are `Sync` and `Send` may be used in any thread.
    unsafe impl<T: Send> Send for Reserved<T> {}
    // SAFETY: it gives out only shared references.
    unsafe impl<T: Sync> Sync for Reserved<T> {}
}

#[cfg(all(unix, not(any(loom, miri))))]
mod map {
    use std::ptr::{self, NonNull};

    /// The bytes of a large page.
    pub(super) const LARGE_PAGE: usize = 2 << 20;

    /// How many bytes of a region have small pages at least.
    #[cfg(target_os = "linux")]
    const SMALL_PAGES: usize = 1 << 20;

    /// Returns zeroed memory that starts at a page and is not resident. `None` if the system refuses.
    pub(crate) fn reserve(bytes: usize, _align: usize) -> Option<NonNull<u8>> {
        let protection = libc::PROT_READ | libc::PROT_WRITE;
        let flags = libc::MAP_PRIVATE | libc::MAP_ANON | libc::MAP_NORESERVE;
        // SAFETY: a new mapping at an address that the system chooses touches no other memory.
        let start = unsafe { libc::mmap(ptr::null_mut(), bytes, protection, flags, -1, 0) };
        if start == libc::MAP_FAILED {
            return None;
        }
        NonNull::new(start.cast())
    }

    /// Excludes secrets from core dumps. If the system cannot do that, the cache works all the same.
    #[cfg(target_os = "linux")]
    pub(crate) fn exclude_from_core_dumps(start: NonNull<u8>, bytes: usize) -> bool {
        // SAFETY: the mapping is new, and the advice changes no content.
        unsafe { libc::madvise(start.as_ptr().cast(), bytes, libc::MADV_DONTDUMP) == 0 }
    }

    /// Other systems have no such advice.
    #[cfg(not(target_os = "linux"))]
    pub(crate) fn exclude_from_core_dumps(_start: NonNull<u8>, _bytes: usize) -> bool {
        false
    }

    /// Asks the system for large pages beyond the first [`SMALL_PAGES`] bytes of a new mapping, so that a small cache takes no
    /// more memory. Returns the byte from which on it does.
    #[cfg(target_os = "linux")]
    pub(super) fn prefer_large_pages(start: NonNull<u8>, bytes: usize) -> usize {
        let address = start.addr().get();
        let from = (address + SMALL_PAGES).next_multiple_of(LARGE_PAGE) - address;
        // SAFETY: the call has no effect but its result.
        let page = unsafe { libc::sysconf(libc::_SC_PAGESIZE) };
        // Where pages are larger than that, large ones are much larger.
        if page != 4096 || bytes < from + LARGE_PAGE {
            return bytes;
        }
        let place = start.as_ptr().wrapping_add(from).cast();
        // SAFETY: the advice changes no content, and the range is of the mapping.
        let status = unsafe { libc::madvise(place, bytes - from, libc::MADV_HUGEPAGE) };
        if status == 0 { from } else { bytes }
    }

    /// Other systems have no such advice.
    #[cfg(not(target_os = "linux"))]
    pub(super) fn prefer_large_pages(_start: NonNull<u8>, bytes: usize) -> usize {
        bytes
    }

    /// `start`: of a mapping of at least `to` bytes. `is_locked`: the pages are locked, and are locked again when they are
    /// touched.
    #[cfg(target_os = "linux")]
    pub(super) fn release_pages(start: NonNull<u8>, from: usize, to: usize, is_locked: bool) {
        // A multiple of every page size.
        const PAGE: usize = 64 << 10;
        let (from, to) = (from.next_multiple_of(PAGE), to / PAGE * PAGE);
        if from >= to {
            return;
        }
        let place = start.as_ptr().wrapping_add(from).cast();
        if is_locked {
            // SAFETY: unlocking changes no content, and the pages are of the mapping.
            unsafe { libc::munlock(place, to - from) };
        }
        // SAFETY: the caller owns what is in these pages. It is zero, as it is when they are touched again.
        unsafe { libc::madvise(place, to - from, libc::MADV_DONTNEED) };
        if is_locked {
            // SAFETY: as for `munlock`. If the system has no such call, they stay unlocked.
            unsafe { libc::mlock2(place, to - from, libc::MLOCK_ONFAULT) };
        }
    }

    /// On other systems the advice does something else.
    #[cfg(not(target_os = "linux"))]
    pub(super) fn release_pages(_start: NonNull<u8>, _from: usize, _to: usize, _is_locked: bool) {}

    /// Returns how many bytes the process may lock.
    pub(super) fn lock_limit() -> u64 {
        let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
        // SAFETY: the out-parameter is live.
        let status = unsafe { libc::getrlimit(libc::RLIMIT_MEMLOCK, &raw mut limit) };
        #[allow(clippy::useless_conversion, reason = "of 32 or 64 bits")]
        if status == 0 { u64::from(limit.rlim_cur) } else { 0 }
    }

    /// `start`: of a mapping of at least `from + bytes` bytes.
    pub(crate) fn lock(start: NonNull<u8>, from: usize, bytes: usize) -> bool {
        let start = start.as_ptr().wrapping_add(from);
        // SAFETY: locking changes no content, and the system refuses it for addresses that are not mapped.
        unsafe { libc::mlock(start.cast(), bytes) == 0 }
    }

    /// # Safety
    ///
    /// `reserve` returned `start` for that many bytes, and nothing refers to the memory any more.
    pub(crate) unsafe fn release(start: NonNull<u8>, bytes: usize, _align: usize) {
        // SAFETY: by the contract of this function.
        unsafe { libc::munmap(start.as_ptr().cast(), bytes) };
    }
}

// Miri and other systems do not have these calls.
#[cfg(all(any(not(any(unix, windows)), miri), not(loom)))]
mod map {
    use std::alloc::{Layout, alloc_zeroed, dealloc};
    use std::ptr::NonNull;

    /// There are none.
    pub(super) const LARGE_PAGE: usize = 2 << 20;

    pub(super) fn prefer_large_pages(_start: NonNull<u8>, bytes: usize) -> usize {
        bytes
    }

    pub(crate) fn reserve(bytes: usize, align: usize) -> Option<NonNull<u8>> {
        let layout = Layout::from_size_align(bytes, align).ok()?;
        // SAFETY: there is at least one byte.
        NonNull::new(unsafe { alloc_zeroed(layout) })
    }

    /// Not supported.
    pub(crate) fn exclude_from_core_dumps(_start: NonNull<u8>, _bytes: usize) -> bool {
        false
    }

    /// Not supported.
    pub(crate) fn release_pages(_start: NonNull<u8>, _from: usize, _to: usize, _is_locked: bool) {}

    /// Not supported.
    pub(crate) fn lock_limit() -> u64 {
        0
    }

    /// Not supported.
    pub(crate) fn lock(_start: NonNull<u8>, _from: usize, _bytes: usize) -> bool {
        false
    }

    /// # Safety
    ///
    /// `reserve` returned `start` for that many bytes, and nothing refers to the memory any more.
    pub(crate) unsafe fn release(start: NonNull<u8>, bytes: usize, align: usize) {
        let layout = Layout::from_size_align(bytes, align).expect("as when it was reserved");
        // SAFETY: by the contract of this function.
        unsafe { dealloc(start.as_ptr(), layout) };
    }
}

#[cfg(loom)]
mod checked {
    use std::ops::Deref;

    use super::{OutOfAddressSpace, Zeroed};

    pub(crate) struct Reserved<T>(Vec<T>);

    impl<T: Zeroed> Reserved<T> {
        pub(crate) fn new(len: usize) -> Result<Self, OutOfAddressSpace> {
            Ok(Self((0..len).map(|_| T::zero()).collect()))
        }

        pub(crate) fn in_steps(len: usize) -> Result<Self, OutOfAddressSpace> {
            Self::new(len)
        }

        #[expect(clippy::unused_self, reason = "there is no system to ask")]
        pub(crate) fn commit_up_to(&self, _len: usize) -> bool {
            true
        }

        #[expect(clippy::unused_self, reason = "there is no system to ask")]
        pub(crate) fn lock_up_to(&self, _len: usize) {}

        #[expect(clippy::unused_self, reason = "as above")]
        pub(crate) fn locked(&self) -> u64 {
            0
        }

        #[expect(clippy::unused_self, reason = "as above")]
        pub(crate) fn is_excluded_from_core_dumps(&self) -> bool {
            false
        }
    }

    impl<T> Deref for Reserved<T> {
        type Target = [T];

        fn deref(&self) -> &[T] {
            &self.0
        }
    }
}
