//! Keys and blobs that are rejected.

use crate::common::*;
use tls_resumption_core::{Key, KeyError, MAX_KEY_LEN, Rejected};

#[test]
fn an_empty_blob_is_rejected_and_the_stored_one_stays() {
    let cache = cache(|b| b);
    put(&cache, "a", "1");
    assert_eq!(cache.put(key("a"), b"", plain()), Err(Rejected::Empty));
    assert_eq!(cache.add(key("a"), b"", plain()), Err(Rejected::Empty));

    assert_eq!(get(&cache, "a"), some("1"));
    let stats = cache.stats();
    assert_eq!((stats.rejected, stats.sets, stats.replaced, stats.size), (2, 1, 0, 1));
}

#[test]
fn a_blob_larger_than_the_budget_is_rejected_and_evicts_nothing() {
    let cache = cache(|b| b.max_bytes(max_bytes(4)));
    put(&cache, "a", "1");
    put(&cache, "b", "2");
    let too_large = Rejected::TooLarge { len: 5, max: 4 };
    assert_eq!(cache.put(key("a"), b"12345", plain()), Err(too_large));
    assert_eq!(cache.add(key("a"), b"12345", plain()), Err(too_large));

    assert_eq!(get(&cache, "a"), some("1"));
    assert_eq!(get(&cache, "b"), some("2"));
    let stats = cache.stats();
    assert_eq!((stats.rejected, stats.sets, stats.evictions), (2, 2, 0));
}

#[test]
fn a_blob_length_of_more_than_31_bits_is_rejected() {
    let cache = cache(|b| b.max(max(1)).max_bytes(max_bytes(1 << 32)));
    // It is never touched, so it takes no memory.
    let blob = vec![0; 1 << 31];
    let too_large = Rejected::TooLarge { len: 1 << 31, max: (1 << 31) - 1 };
    assert_eq!(cache.put(key("a"), &blob, plain()), Err(too_large));
    assert_eq!(cache.memory().used, 0);
}

#[test]
fn a_key_of_any_bytes_and_the_maximum_length_works() {
    let cache = cache(|b| b);
    let longest: Vec<u8> = (0..=255).cycle().take(MAX_KEY_LEN).collect();
    let longest = Key::new(&longest).unwrap();
    cache.put(longest, b"1", plain()).unwrap();
    assert!(cache.contains(longest));
}

#[test]
fn an_empty_or_too_long_key_is_rejected() {
    assert_eq!(Key::new(b""), Err(KeyError::Empty));
    let too_long = [0; MAX_KEY_LEN + 1];
    assert_eq!(Key::new(&too_long), Err(KeyError::TooLong { len: MAX_KEY_LEN + 1 }));
}

#[test]
fn messages_have_the_expected_and_the_received_value() {
    assert_eq!(
        KeyError::TooLong { len: 5000 }.to_string(),
        "a key must have 1 to 4096 bytes, received 5000"
    );
    assert_eq!(
        Rejected::TooLarge { len: 5, max: 4 }.to_string(),
        "a blob of 5 bytes does not fit in a cache of 4 bytes"
    );
}
