//! Reading into the buffer of a caller.

use crate::common::*;
use tls_resumption_core::{BufferTooSmall, Cache, Key};

type ReadInto = fn(&Cache, Key<'_>, &mut [u8]) -> Result<Option<usize>, BufferTooSmall>;

const WAYS: [ReadInto; 3] = [Cache::get_into, Cache::offer_into, Cache::take_into];

#[test]
fn the_blob_goes_to_the_beginning_and_the_rest_stays() {
    for read_into in WAYS {
        let cache = cache(|b| b);
        put(&cache, "a", "1234");
        let mut out = *b"......";
        assert_eq!(read_into(&cache, key("a"), &mut out), Ok(Some(4)));
        assert_eq!(&out, b"1234..");
    }
}

#[test]
fn a_buffer_of_the_exact_length_suffices() {
    for read_into in WAYS {
        let cache = cache(|b| b);
        put(&cache, "a", "1234");
        assert_eq!(read_into(&cache, key("a"), &mut [0; 4]), Ok(Some(4)));
    }
}

#[test]
fn a_miss_leaves_the_buffer_as_it_was() {
    for read_into in WAYS {
        let cache = cache(|b| b);
        let mut out = *b"......";
        assert_eq!(read_into(&cache, key("a"), &mut out), Ok(None));
        assert_eq!(&out, b"......");
        assert_eq!(read_into(&cache, key("a"), &mut []), Ok(None));
        assert_eq!(cache.stats().misses, 2);
    }
}

#[test]
fn each_read_into_a_buffer_acts_like_its_counterpart() {
    let cache = cache(|b| b.single_use(true));
    for blob in ["1", "2", "3"] {
        add(&cache, "a", blob);
    }
    let mut out = [0];
    assert_eq!(cache.get_into(key("a"), &mut out), Ok(Some(1)));
    assert_eq!((&out, cache.len()), (b"3", 3));
    assert_eq!(cache.offer_into(key("a"), &mut out), Ok(Some(1)));
    assert_eq!((&out, cache.len()), (b"3", 2));
    assert_eq!(cache.take_into(key("a"), &mut out), Ok(Some(1)));
    assert_eq!((&out, cache.len()), (b"2", 1));
    let stats = cache.stats();
    assert_eq!((stats.hits, stats.takes), (3, 2));
}

#[test]
fn a_buffer_too_small_changes_nothing() {
    for read_into in WAYS {
        for single_use in [false, true] {
            let (cache, clock) = cache_and_clock(|b| b.max(max(3)).single_use(single_use));
            put(&cache, "a", "1234");
            put(&cache, "b", "5678");
            cache.add(key("a"), b"expires", living(10)).unwrap();
            clock.advance(millis(10));
            let before = cache.stats();

            let mut out = *b"...";
            assert_eq!(read_into(&cache, key("a"), &mut out).unwrap_err().needed, 4);
            assert_eq!(&out, b"...");
            assert_eq!(
                cache.stats(),
                before,
                "neither counted nor removed, expired entries included"
            );

            put(&cache, "c", "90");
            put(&cache, "d", "90");
            assert!(!cache.contains(key("a")), "not refreshed, so it is evicted first");
            assert!(cache.contains(key("b")));
        }
    }
}

#[test]
fn a_ticket_that_did_not_fit_is_still_unused() {
    let cache = cache(|b| b);
    add(&cache, "a", "1");
    add(&cache, "a", "22");
    assert_eq!(cache.offer_into(key("a"), &mut [0]).unwrap_err().needed, 2);
    assert_eq!(offer(&cache, "a"), some("22"));
}
