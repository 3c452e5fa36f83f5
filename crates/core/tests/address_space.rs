//! Caches without address space. A program of its own, because it uses up the address space of the process.
#![cfg(target_pointer_width = "64")]

use tls_resumption_core::{BuildError, ByteBudget, Cache, Capacity, EntryOptions, Key};

#[test]
fn a_build_error_names_the_options_and_other_caches_work_on() {
    let large = || {
        Cache::builder()
            .max(Capacity::MIN)
            .max_bytes(ByteBudget::MAX)
            .sweep_interval(None)
            .try_build()
    };
    let mut opened = vec![large().unwrap()];
    // A process has room for a few hundred of them.
    let refused = loop {
        assert!(opened.len() < 10_000, "address space is limited");
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
    assert!(large().is_ok(), "the failed build gave its memory back");
}
