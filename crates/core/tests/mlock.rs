//! Memory that is kept out of swap space and of core dumps. A program of its own, because it changes a limit of the
//! process.
#![cfg(target_os = "linux")]
#![allow(unsafe_code)]

use std::fs;

use tls_resumption_core::{ByteBudget, Cache, Capacity, EntryOptions, Key};

const STEP: u64 = 64 << 10;
const BLOB: usize = 4096;

/// Returns the bytes that this process has locked, and the bytes of mappings with the flags for locking and for exclusion from
/// dumps.
fn process() -> (u64, u64, u64) {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let of_line = |line: &str| -> u64 {
        line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() * 1024
    };
    let locked = of_line(status.lines().find(|line| line.starts_with("VmLck:")).unwrap());
    let (mut size, mut with_lo, mut with_dd) = (0, 0, 0);
    for line in fs::read_to_string("/proc/self/smaps").unwrap().lines() {
        if line.starts_with("Size:") {
            size = of_line(line);
        }
        if let Some(flags) = line.strip_prefix("VmFlags:") {
            let has = |flag| flags.split_whitespace().any(|it| it == flag);
            with_lo += if has("lo") { size } else { 0 };
            with_dd += if has("dd") { size } else { 0 };
        }
    }
    (locked, with_lo, with_dd)
}

/// Makes the limit hold for the superuser as well.
fn give_up_the_right_to_lock() {
    const CAP_IPC_LOCK: u32 = 14;
    #[repr(C)]
    struct Header {
        version: u32,
        thread: i32,
    }
    let mut header = Header { version: 0x2008_0522, thread: 0 };
    let mut sets = [[0_u32; 3]; 2];
    // SAFETY: the header says that there are two sets of three numbers each.
    let status = unsafe { libc::syscall(libc::SYS_capget, &raw mut header, sets.as_mut_ptr()) };
    assert_eq!(status, 0);
    sets[0][0] &= !(1 << CAP_IPC_LOCK);
    // SAFETY: as above.
    let set = unsafe { libc::syscall(libc::SYS_capset, &raw mut header, sets.as_ptr()) };
    assert_eq!(set, 0);
}

fn may_lock(bytes: u64) {
    let limit = libc::rlimit { rlim_cur: bytes, rlim_max: bytes };
    // SAFETY: the limit outlives the call.
    assert_eq!(unsafe { libc::setrlimit(libc::RLIMIT_MEMLOCK, &raw const limit) }, 0);
}

fn fill(cache: &Cache, blobs: std::ops::Range<u64>) {
    for number in blobs {
        let name = number.to_le_bytes();
        cache.put(Key::new(&name).unwrap(), &[1; BLOB], EntryOptions::default()).unwrap();
    }
}

#[test]
fn used_memory_is_locked_as_far_as_permitted_and_all_is_excluded_from_core_dumps() {
    let before = process();
    let cache = Cache::builder()
        .max(Capacity::new(10_000).unwrap())
        .max_bytes(ByteBudget::new(64 << 20).unwrap())
        .sweep_interval(None)
        .build();
    let (locked, with_lo, with_dd) = process();
    assert_eq!((locked, with_lo), (before.0, before.1), "nothing ahead");
    assert!(with_dd - before.2 >= 64 << 20, "all of it");
    assert!(cache.memory().excluded_from_core_dumps);

    give_up_the_right_to_lock();
    // A quarter of it is for caches.
    may_lock(16 * STEP);
    fill(&cache, 0..20);
    let memory = cache.memory();
    assert_eq!((memory.used, memory.locked), (20 * BLOB as u64, 2 * STEP));
    assert_eq!(process().0 - before.0, 2 * STEP);
    assert_eq!(process().1 - before.1, 2 * STEP);

    fill(&cache, 20..1000);
    let memory = cache.memory();
    assert_eq!((memory.used, memory.locked), (1000 * BLOB as u64, 4 * STEP), "and no more");
    assert_eq!(process().1 - before.1, 4 * STEP);
    assert!((0..1000_u64).all(|number| cache.contains(Key::new(&number.to_le_bytes()).unwrap())));

    drop(cache);
    assert_eq!(process(), before, "given back");
}
