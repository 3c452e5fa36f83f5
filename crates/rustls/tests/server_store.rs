//! The promises of `ServerSessions`, through the trait that rustls uses.

mod common;
use std::time::Duration;

use common::*;
use rustls::client::ClientSessionStore;
use rustls::server::StoresServerSessions;
use tls_resumption_rustls::cache::{ByteBudget, MAX_KEY_LEN};

#[test]
fn put_stores() {
    let store = servers(&cache(|b| b), "a");
    assert!(store.put(vec![0x01], vec![0x02]));
}

#[test]
fn get_returns_it_again_and_again() {
    let store = servers(&cache(|b| b), "a");
    assert!(store.put(vec![0x01], vec![0x02]));
    assert_eq!(store.get(&[0x01]), Some(vec![0x02]));
    assert_eq!(store.get(&[0x01]), Some(vec![0x02]));
    assert_eq!(store.get(&[0x02]), None);
}

#[test]
fn take_returns_it_once() {
    let cache = cache(|b| b);
    let store = servers(&cache, "a");
    assert!(store.put(vec![0x01], vec![0x02]));
    assert_eq!(store.take(&[0x01]), Some(vec![0x02]));
    assert_eq!(store.take(&[0x01]), None);
    assert_eq!(store.get(&[0x01]), None);
    assert!(cache.is_empty());
}

#[test]
fn put_overwrites() {
    let cache = cache(|b| b);
    let store = servers(&cache, "a");
    assert!(store.put(vec![0x01], vec![0x02]));
    assert!(store.put(vec![0x01], vec![0x04]));
    assert_eq!(store.get(&[0x01]), Some(vec![0x04]));
    assert_eq!(cache.len(), 1);
}

#[test]
fn of_too_many_the_newest_remain() {
    let store = servers(&cache(|b| b.max(max(2))), "a");
    for number in [0x01, 0x03, 0x05, 0x07, 0x09] {
        assert!(store.put(vec![number], vec![number + 1]));
    }
    for number in [0x01, 0x03, 0x05] {
        assert_eq!(store.get(&[number]), None);
    }
    assert_eq!(store.get(&[0x07]), Some(vec![0x08]));
    assert_eq!(store.get(&[0x09]), Some(vec![0x0a]));
}

/// The store of rustls would evict the oldest, even if it is used often.
#[test]
fn what_is_used_remains() {
    let store = servers(&cache(|b| b.max(max(2))), "a");
    assert!(store.put(vec![0x01], vec![0x02]));
    assert!(store.put(vec![0x03], vec![0x04]));
    assert!(store.get(&[0x01]).is_some());
    assert!(store.put(vec![0x05], vec![0x06]));
    assert_eq!(store.get(&[0x01]), Some(vec![0x02]));
    assert_eq!(store.get(&[0x03]), None);
}

#[test]
fn a_cache_of_one_entry_keeps_one() {
    let store = servers(&cache(|b| b.max(max(1))), "a");
    assert!(store.put(vec![0x01], vec![0x02]));
    assert_eq!(store.get(&[0x01]), Some(vec![0x02]));

    assert!(store.put(vec![0x03], vec![0x04]));
    assert_eq!(store.get(&[0x01]), None);
    assert_eq!(store.get(&[0x03]), Some(vec![0x04]));
    assert!(store.can_cache());
}

#[test]
fn a_session_that_does_not_fit_is_not_stored() {
    let store = servers(&cache(|b| b.max_bytes(ByteBudget::new(10).unwrap())), "a");
    assert!(store.put(vec![0x01], vec![0; 10]));
    assert!(!store.put(vec![0x02], vec![0; 11]));
    assert!(!store.put(vec![0x02], Vec::new()));
    assert_eq!(store.get(&[0x01]), Some(vec![0; 10]));
    assert_eq!(store.get(&[0x02]), None);
}

#[test]
fn an_id_of_any_length_is_at_worst_a_miss() {
    let store = servers(&cache(|b| b), "a");
    for len in [0, 1, 32, MAX_KEY_LEN, 0xffff] {
        assert_eq!(store.get(&vec![0; len]), None);
        assert_eq!(store.take(&vec![0; len]), None);
    }
    assert!(!store.put(vec![0; MAX_KEY_LEN], vec![0x02]));
    assert!(store.put(vec![0; 32], vec![0x02]));
}

#[test]
fn partitions_of_a_cache_have_nothing_in_common() {
    let cache = cache(|b| b);
    let (one, same, other) = (servers(&cache, "a"), servers(&cache, "a"), servers(&cache, "b"));
    assert!(one.put(vec![0x01], vec![0x02]));
    assert_eq!(other.get(&[0x01]), None);
    assert_eq!(other.take(&[0x01]), None);
    assert_eq!(same.get(&[0x01]), Some(vec![0x02]));
}

#[test]
fn clients_of_the_same_cache_count_and_are_not_found() {
    let cache = cache(|b| b.max(max(2)));
    let (store, clients) = (servers(&cache, "a"), clients(&cache));
    assert!(store.put(vec![0x01], vec![0x02]));
    clients.set_tls12_session(name("a.test"), some_session());
    clients.set_tls12_session(name("b.test"), some_session());

    assert_eq!(cache.len(), 2);
    assert_eq!(store.get(&[0x01]), None);
    for number in 0..100_u64 {
        assert_eq!(store.get(&number.to_be_bytes()), None);
        assert_eq!(store.get(&[b"rustls-client\0", &number.to_be_bytes()[..]].concat()), None);
    }
}

#[test]
fn no_lifetime_is_longer_than_a_week() {
    let week = 7 * 24 * 60 * 60 * 1000;
    let (cache, clock) = cache_and_clock(|b| b.ttl(ttl(u32::MAX.into())));
    let store = servers(&cache, "a");
    assert!(store.put(vec![0x01], vec![0x02]));
    clock.advance(Duration::from_millis(week - 1));
    assert!(store.get(&[0x01]).is_some());
    clock.advance(Duration::from_millis(1));
    assert!(store.get(&[0x01]).is_none());
}

#[test]
fn it_prints_its_label_and_no_session() {
    let store = servers(&cache(|b| b), "edge");
    assert!(store.put(vec![0x01], b"secret".to_vec()));
    let printed = format!("{store:?}");
    assert!(printed.contains(r#"partition: Partition("edge")"#), "{printed}");
    assert!(!printed.contains("secret"), "{printed}");
}
