//! Memory of Windows. A region is reserved at once, and committed as it comes into use.
#![allow(unsafe_code)]

use std::ffi::{CStr, c_void};
use std::ptr::{self, NonNull};

use windows_sys::Win32::System::LibraryLoader::{GetModuleHandleA, GetProcAddress};
use windows_sys::Win32::System::Memory::{
    MEM_COMMIT, MEM_RELEASE, MEM_RESERVE, PAGE_READWRITE, VirtualAlloc, VirtualFree, VirtualLock,
    VirtualUnlock,
};
use windows_sys::Win32::System::Threading::{GetCurrentProcess, GetProcessWorkingSetSize};

/// No large pages are asked for.
pub(super) const LARGE_PAGE: usize = 2 << 20;

/// The most bytes of one block that error reports exclude: their number has 32 bits.
const MAX_EXCLUDED: usize = 1 << 31;

/// Reserves address space. It must be committed before it is touched, and is zeroed then.
pub(super) fn reserve(bytes: usize, _align: usize) -> Option<NonNull<u8>> {
    // SAFETY: a new region at an address that the system chooses touches no other memory.
    let start = unsafe { VirtualAlloc(ptr::null(), bytes, MEM_RESERVE, PAGE_READWRITE) };
    NonNull::new(start.cast())
}

/// Makes a range of bytes of a reserved region usable. What is committed already keeps its content.
pub(super) fn commit(start: NonNull<u8>, from: usize, to: usize) -> bool {
    let place: *const u8 = start.as_ptr().wrapping_add(from);
    // SAFETY: the range is of a region that this process has reserved, and no content changes.
    let place = unsafe { VirtualAlloc(place.cast(), to - from, MEM_COMMIT, PAGE_READWRITE) };
    !place.is_null()
}

/// Excludes secrets from the dumps of error reports, from Windows 10 version 1703 on.
pub(super) fn exclude_from_core_dumps(start: NonNull<u8>, bytes: usize) -> bool {
    let Some(function) = kernel_function(c"WerRegisterExcludedMemoryBlock") else { return false };
    // SAFETY: the function has this type.
    let register: unsafe extern "system" fn(*const c_void, u32) -> i32 =
        unsafe { std::mem::transmute(function) };
    let is_excluded = pieces(start, bytes).all(|(piece, len)| {
        // SAFETY: the region belongs to this process. The system only remembers the addresses.
        unsafe { register(piece, len) >= 0 }
    });
    if !is_excluded {
        include_in_core_dumps(start, bytes);
    }
    is_excluded
}

fn include_in_core_dumps(start: NonNull<u8>, bytes: usize) {
    let Some(function) = kernel_function(c"WerUnregisterExcludedMemoryBlock") else { return };
    // SAFETY: the function has this type.
    let unregister: unsafe extern "system" fn(*const c_void) -> i32 =
        unsafe { std::mem::transmute(function) };
    for (piece, _) in pieces(start, bytes) {
        // SAFETY: the system looks the address up among those that were registered.
        unsafe { unregister(piece) };
    }
}

/// Returns the blocks that error reports know a region by.
fn pieces(start: NonNull<u8>, bytes: usize) -> impl Iterator<Item = (*const c_void, u32)> {
    (0..bytes).step_by(MAX_EXCLUDED).map(move |from| {
        #[expect(clippy::cast_possible_truncation, reason = "at most 2^31")]
        let len = (bytes - from).min(MAX_EXCLUDED) as u32;
        (start.as_ptr().wrapping_add(from).cast_const().cast(), len)
    })
}

/// Finds a function that older versions do not have. If it were imported, the addon could not be loaded there.
fn kernel_function(name: &CStr) -> Option<unsafe extern "system" fn() -> isize> {
    // SAFETY: the name ends in NUL, and the module is loaded in every process.
    let kernel = unsafe { GetModuleHandleA(c"kernel32.dll".as_ptr().cast()) };
    // SAFETY: as above.
    unsafe { GetProcAddress(kernel, name.as_ptr().cast()) }
}

pub(super) fn prefer_large_pages(_start: NonNull<u8>, bytes: usize) -> usize {
    bytes
}

/// Takes unused pages out of the working set. They stay committed and zero, because another thread may still read them.
pub(super) fn release_pages(start: NonNull<u8>, from: usize, to: usize, is_locked: bool) {
    if is_locked || from >= to {
        return;
    }
    let place: *const u8 = start.as_ptr().wrapping_add(from);
    // SAFETY: the call changes no content. It is documented to do this for pages that are not locked.
    unsafe { VirtualUnlock(place.cast(), to - from) };
}

/// Returns how many bytes the process may lock: its minimum working set, 200 KB unless the process raises it.
pub(super) fn lock_limit() -> u64 {
    let (mut min, mut max) = (0, 0);
    // SAFETY: the call has no effect but its result.
    let process = unsafe { GetCurrentProcess() };
    // SAFETY: the out-parameters are live, and the handle stands for this process.
    let status = unsafe { GetProcessWorkingSetSize(process, &raw mut min, &raw mut max) };
    if status == 0 { 0 } else { min as u64 }
}

/// `start`: of a region whose first `from + bytes` bytes are committed.
pub(super) fn lock(start: NonNull<u8>, from: usize, bytes: usize) -> bool {
    let place: *const u8 = start.as_ptr().wrapping_add(from);
    // SAFETY: locking changes no content, and the system refuses it for pages that are not committed.
    unsafe { VirtualLock(place.cast(), bytes) != 0 }
}

/// # Safety
///
/// `reserve` returned `start` for that many bytes, and nothing refers to the memory any more.
pub(super) unsafe fn release(start: NonNull<u8>, bytes: usize, _align: usize) {
    include_in_core_dumps(start, bytes);
    // SAFETY: by the contract of this function. A length of 0 stands for the whole region.
    unsafe { VirtualFree(start.as_ptr().cast(), 0, MEM_RELEASE) };
}
