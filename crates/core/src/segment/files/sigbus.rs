//! Another program of the user may truncate a mapped file. The next access to a page that is gone raises SIGBUS, which
//! would end the process. A handler maps zeros over the mapping instead, and marks it dead. It acts on registered mappings
//! only, and passes every other signal on.
//!
//! Zeros are an empty table, so the calls that run at that moment end as misses.
#![allow(unsafe_code)]

use std::ffi::{c_int, c_void};
use std::ptr;
use std::sync::Once;
use std::sync::atomic::{AtomicBool, AtomicI32, AtomicUsize, Ordering};

/// How many mappings a process can have at once.
const MAX_MAPPINGS: usize = 256;

/// A range of addresses, in memory that a signal handler may read at any time.
struct Range {
    /// 0 if the entry is free, and 1 while it changes.
    start: AtomicUsize,
    bytes: AtomicUsize,
    is_dead: AtomicBool,
}

static RANGES: [Range; MAX_MAPPINGS] = [const {
    Range {
        start: AtomicUsize::new(FREE),
        bytes: AtomicUsize::new(0),
        is_dead: AtomicBool::new(false),
    }
}; MAX_MAPPINGS];

const FREE: usize = 0;
const CHANGING: usize = 1;

/// The handler that was installed before this one, and its flags.
static PREVIOUS: AtomicUsize = AtomicUsize::new(0);
static PREVIOUS_FLAGS: AtomicI32 = AtomicI32::new(0);
/// The bytes of a page.
static PAGE: AtomicUsize = AtomicUsize::new(4096);
static INSTALL: Once = Once::new();

/// A mapping that is protected until [`end`](Self::end).
pub(super) struct Protection(&'static Range);

impl Protection {
    /// Protects a mapping. Returns `None` if there are too many.
    pub(super) fn new(start: usize, bytes: usize) -> Option<Self> {
        INSTALL.call_once(install);
        let range = RANGES.iter().find(|range| {
            // Acquire: pairs with the release in `end`.
            let taken =
                range.start.compare_exchange(FREE, CHANGING, Ordering::Acquire, Ordering::Relaxed);
            taken.is_ok()
        })?;
        range.is_dead.store(false, Ordering::Relaxed);
        range.bytes.store(bytes, Ordering::Relaxed);
        // Release: pairs with the acquire in `find`.
        range.start.store(start, Ordering::Release);
        Some(Self(range))
    }

    /// True if the file was truncated. The mapping has zeros instead, for this process only.
    pub(super) fn is_dead(&self) -> bool {
        // Relaxed: a flag only. The zeros are there before the access that faulted continues.
        self.0.is_dead.load(Ordering::Relaxed)
    }

    /// Ends the protection. The caller unmaps the range afterwards, because another mapping may get its addresses.
    pub(super) fn end(&self) {
        self.0.start.store(FREE, Ordering::Release);
    }
}

/// Finds the mapping of an address. It is safe to call in a signal handler.
fn find(address: usize) -> Option<(usize, &'static Range)> {
    RANGES.iter().find_map(|range| {
        // Acquire: pairs with the release in `Protection::new`.
        let start = range.start.load(Ordering::Acquire);
        let bytes = range.bytes.load(Ordering::Acquire);
        // A second look, because the entry may be given to another mapping in between.
        let is_same = range.start.load(Ordering::Relaxed) == start;
        let is_inside = start > CHANGING && address.wrapping_sub(start) < bytes;
        (is_same && is_inside).then_some((start, range))
    })
}

extern "C" fn on_sigbus(signal: c_int, info: *mut libc::siginfo_t, context: *mut c_void) {
    // SAFETY: the system passes a valid structure to a handler with `SA_SIGINFO`.
    let info_ref = unsafe { &*info };
    // A signal that a process sent has a number of 0 or less, and no address.
    let is_fault = info_ref.si_code > 0;
    // SAFETY: a fault has an address.
    let address = if is_fault { unsafe { info_ref.si_addr() }.addr() } else { 0 };
    // If the system has no memory to promise for all of it, as with strict overcommit, one page has to do. The next access to
    // another page comes here again.
    if let Some((start, range)) = find(address)
        && (map_zeros(start, range.bytes.load(Ordering::Relaxed))
            || map_zeros(address - address % PAGE.load(Ordering::Relaxed), 1))
    {
        range.is_dead.store(true, Ordering::Relaxed);
        return;
    }
    pass_on(signal, info, context);
}

#[cfg(test)]
thread_local! {
    /// Of how many bytes on the system has no memory to promise, as far as this thread knows.
    pub(super) static REFUSED_FROM: std::cell::Cell<usize> = const { std::cell::Cell::new(usize::MAX) };
}

fn map_zeros(start: usize, bytes: usize) -> bool {
    const FLAGS: c_int =
        libc::MAP_FIXED | libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE;
    #[cfg(test)]
    if bytes >= REFUSED_FROM.get() {
        return false;
    }
    let access = libc::PROT_READ | libc::PROT_WRITE;
    // SAFETY: the location of the error number of a thread is valid.
    let error_number = unsafe { libc::__errno_location() };
    // SAFETY: as above.
    let saved = unsafe { *error_number };
    // SAFETY: the range is a mapping of this process that is in use by the faulting access, and all its users expect its content
    // to change at any time.
    let mapped =
        unsafe { libc::mmap(ptr::without_provenance_mut(start), bytes, access, FLAGS, -1, 0) };
    // SAFETY: as above. The interrupted code must not see another error number.
    unsafe { *error_number = saved };
    mapped != libc::MAP_FAILED
}

/// Calls the handler that was installed before this one. Without one the default action ends the process.
fn pass_on(signal: c_int, info: *mut libc::siginfo_t, context: *mut c_void) {
    let previous = PREVIOUS.load(Ordering::Acquire);
    // SAFETY: as in `on_sigbus`.
    let is_fault = unsafe { (*info).si_code } > 0;
    if previous == libc::SIG_IGN && !is_fault {
        // Only a fault cannot be ignored.
    } else if previous == libc::SIG_DFL || previous == libc::SIG_IGN {
        // SAFETY: the default action is valid for the signal.
        unsafe { libc::signal(signal, libc::SIG_DFL) };
        // SAFETY: a handler may call it. The signal comes when the handler returns: nothing else repeats one that was sent.
        unsafe { libc::raise(signal) };
    } else if PREVIOUS_FLAGS.load(Ordering::Relaxed) & libc::SA_SIGINFO != 0 {
        type Handler = extern "C" fn(c_int, *mut libc::siginfo_t, *mut c_void);
        // SAFETY: the flag says that the handler has this type.
        let handler = unsafe { std::mem::transmute::<usize, Handler>(previous) };
        handler(signal, info, context);
    } else {
        // SAFETY: without the flag a handler has this type.
        let handler = unsafe { std::mem::transmute::<usize, extern "C" fn(c_int)>(previous) };
        handler(signal);
    }
}

fn install() {
    // SAFETY: it reads a number of the system.
    if let Ok(page @ 1..) = usize::try_from(unsafe { libc::sysconf(libc::_SC_PAGESIZE) }) {
        PAGE.store(page, Ordering::Relaxed);
    }
    // SAFETY: the structure consists of numbers and an optional pointer, for which zeros are valid.
    let mut previous: libc::sigaction = unsafe { std::mem::zeroed() };
    // SAFETY: the out-parameter is live, and without a new action nothing changes.
    unsafe { libc::sigaction(libc::SIGBUS, ptr::null(), &raw mut previous) };
    PREVIOUS_FLAGS.store(previous.sa_flags, Ordering::Relaxed);
    // Release: pairs with the acquire in `pass_on`, and comes before the handler can run.
    PREVIOUS.store(previous.sa_sigaction, Ordering::Release);
    // SAFETY: as above.
    let mut action: libc::sigaction = unsafe { std::mem::zeroed() };
    action.sa_sigaction = on_sigbus as *const () as usize;
    // On the alternative stack, if the thread has one, as the handlers of Node.js expect.
    action.sa_flags = libc::SA_SIGINFO | libc::SA_ONSTACK;
    // SAFETY: the set is part of a live structure.
    unsafe { libc::sigemptyset(&raw mut action.sa_mask) };
    // SAFETY: the handler has the type that the flag says, calls only functions that a handler may call, and stays loaded.
    unsafe { libc::sigaction(libc::SIGBUS, &raw const action, ptr::null_mut()) };
}
