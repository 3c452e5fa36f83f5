//! Data operations do not call the allocator, which may take a lock, except for the `Blob`s that they return.
#![allow(unsafe_code)]

mod common;
use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use common::*;
use tls_resumption_core::{Cache, EntryOptions, Leadership};

/// The allocator of the system, with a count of the calls of each thread.
struct Counting;

#[global_allocator]
static ALLOCATOR: Counting = Counting;

thread_local! {
    static CALLS: Cell<usize> = const { Cell::new(0) };
}

fn count() {
    CALLS.set(CALLS.get() + 1);
}

// SAFETY: it calls the allocator of the system. Counting allocates nothing: the cell is constant and has no destructor.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count();
        // SAFETY: by the contract of this function.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, start: *mut u8, layout: Layout) {
        count();
        // SAFETY: by the contract of this function.
        unsafe { System.dealloc(start, layout) }
    }

    unsafe fn realloc(&self, start: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count();
        // SAFETY: by the contract of this function.
        unsafe { System.realloc(start, layout, size) }
    }
}

/// Returns how often `what` allocates or frees.
fn calls(what: impl FnOnce()) -> usize {
    let before = CALLS.get();
    what();
    CALLS.get() - before
}

const BLOB: [u8; 1500] = [7; 1500];

/// Makes every call, with more entries than fit.
fn everything(cache: &Cache, keys: &[String], out: &mut [u8]) {
    let short = EntryOptions::default().with_ttl(ttl(1));
    for (place, name) in keys.iter().enumerate() {
        let options = if place % 5 == 0 { short } else { EntryOptions::default() };
        cache.put(key(name), &BLOB[..=place % 1500], options).unwrap();
        cache.put(key(name), &BLOB, options).unwrap();
        for _ in 0..6 {
            cache.add(key(name), &BLOB[..300], options).unwrap();
        }
        cache.put(key(name), b"", options).unwrap_err();
        let other = key(&keys[place * 7 % keys.len()]);
        cache.get_into(other, &mut []).ok();
        cache.get_into(other, out).unwrap();
        cache.offer_into(other, out).unwrap();
        cache.take_into(other, out).unwrap();
        let _ = cache.contains(other);
        if place % 3 == 0 {
            cache.remove(other);
        }
        if let Leadership::Leads(lease) = cache.lead(other, std::time::Duration::from_secs(1)) {
            let _ = cache.release(other, lease, false);
        }
    }
    let _ = (cache.len(), cache.bytes(), cache.is_empty(), cache.stats(), cache.memory());
    cache.sweep();
}

#[test]
fn no_operation_allocates() {
    let keys: Vec<String> = (0..3000).map(|number| format!("peer {number}")).collect();
    let mut out = [0; 1500];
    // One cache with an exact order, one that samples, and one that grows and is never full.
    for max_entries in [100, 2000, 1_000_000] {
        for single_use in [false, true] {
            let builder = Cache::builder().sweep_interval(None).single_use(single_use);
            let cache = builder.max(max(max_entries)).build();
            assert_eq!(calls(|| everything(&cache, &keys, &mut out)), 0, "with {max_entries}");
            // A larger cache hands the rest of the work to a thread.
            if max_entries <= 2000 {
                assert_eq!(calls(|| cache.clear()), 0, "with {max_entries}");
            }
            let stats = cache.stats();
            assert!(stats.expirations > 0 && stats.takes > 0 && stats.replaced > 0, "{stats:?}");
            assert_eq!(stats.evictions > 0, max_entries < 3000, "{stats:?}");
        }
    }
}

#[test]
fn a_read_that_returns_a_blob_allocates_only_the_blob() {
    let cache = cache(|b| b);
    put(&cache, "a", "a session");
    for read in [Cache::get, Cache::offer, Cache::take] {
        let mut blob = None;
        assert_eq!(calls(|| blob = read(&cache, key("a"))), 1);
        assert!(blob.is_some());
        assert_eq!(calls(|| drop(blob)), 1);
        assert_eq!(calls(|| assert!(cache.get(key("absent")).is_none())), 0);
    }
}
