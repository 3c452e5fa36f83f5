//! Caches for which there is no address space. A program of its own, since it uses up all there is.
#![cfg(target_pointer_width = "64")]

use tls_resumption_core::{BuildError, ByteBudget, Cache, Capacity, EntryOptions, Key};

#[test]
fn what_cannot_be_reserved_is_an_error_that_says_for_what_and_others_go_on() {
    let large = || {
        Cache::builder()
            .max(Capacity::MIN)
            .max_bytes(ByteBudget::MAX)
            .sweep_interval(None)
            .try_build()
    };
    let mut opened = vec![large().unwrap()];
    // A process has room for some hundreds of them.
    let refused = loop {
        assert!(opened.len() < 10_000, "there is an end to it");
        match large() {
            Ok(cache) => opened.push(cache),
            Err(refused) => break refused,
        }
    };
    let BuildError::AddressSpace { bytes, max, max_bytes } = refused else {
        panic!("{refused}");
    };
    assert_eq!((max, max_bytes), (1, ByteBudget::MAX.get()));
    assert!(bytes > 0);
    let message = refused.to_string();
    for number in [bytes, max.into(), max_bytes] {
        assert!(message.contains(&number.to_string()), "{message}");
    }

    let key = Key::new(b"peer").unwrap();
    opened[0].put(key, b"a session", EntryOptions::default()).unwrap();
    assert!(opened[0].contains(key));
    drop(opened);
    assert!(large().is_ok(), "what was reserved for the refused one was given back");
}
