//! The promises of `ClientSessions`, through the trait that rustls uses.

mod common;
use std::time::Duration;

use common::*;
use rustls::NamedGroup;
use rustls::client::ClientSessionStore;
use rustls::pki_types::ServerName;
use tls_resumption_rustls::cache::ByteBudget;

#[test]
fn a_new_store_has_nothing() {
    let store = clients(&cache(|b| b));
    assert_eq!(store.kx_hint(&name("a.test")), None);
    assert!(store.tls12_session(&name("a.test")).is_none());
    assert!(store.take_tls13_ticket(&name("a.test")).is_none());
    store.remove_tls12_session(&name("a.test"));
    assert_eq!(store.sweep(), 0);
}

#[test]
fn tickets_are_taken_newest_first_and_once() {
    let store = clients(&cache(|b| b));
    for ticket in some_tickets(3) {
        store.insert_tls13_ticket(name("a.test"), ticket);
    }
    for expected in [2, 1, 0] {
        let ticket = store.take_tls13_ticket(&name("a.test")).unwrap();
        assert_eq!(number(&ticket), expected);
    }
    assert!(store.take_tls13_ticket(&name("a.test")).is_none());
}

#[test]
fn of_one_server_the_newest_tickets_are_kept() {
    let cache = cache(|b| b.tickets_per_key(tickets(2)));
    let store = clients(&cache);
    for ticket in some_tickets(5) {
        store.insert_tls13_ticket(name("a.test"), ticket);
        assert!(cache.len() <= 2);
    }
    assert_eq!(number(&store.take_tls13_ticket(&name("a.test")).unwrap()), 4);
    assert_eq!(number(&store.take_tls13_ticket(&name("a.test")).unwrap()), 3);
    assert!(store.take_tls13_ticket(&name("a.test")).is_none());
}

#[test]
fn in_a_full_cache_a_ticket_replaces_the_oldest_of_its_server() {
    let cache = cache(|b| b.max(max(3)).tickets_per_key(tickets(2)));
    let store = clients(&cache);
    let mut tickets = some_tickets(5).into_iter();
    store.insert_tls13_ticket(name("other.test"), tickets.next().unwrap());
    for ticket in tickets {
        store.insert_tls13_ticket(name("a.test"), ticket);
    }
    assert!(store.take_tls13_ticket(&name("other.test")).is_some());
    assert_eq!(cache.stats().evictions, 0);
}

#[test]
fn a_session_is_there_until_it_is_removed() {
    let cache = cache(|b| b);
    let store = clients(&cache);
    let session = some_session();
    store.set_tls12_session(name("a.test"), session.clone());
    for _ in 0..3 {
        let found = store.tls12_session(&name("a.test")).unwrap();
        assert_eq!(printed(&found), printed(&session));
    }

    store.remove_tls12_session(&name("a.test"));
    assert!(store.tls12_session(&name("a.test")).is_none());
    assert!(cache.is_empty());
}

#[test]
fn of_one_server_the_last_session_is_kept() {
    let cache = cache(|b| b);
    let store = clients(&cache);
    let (first, second) = (some_session(), some_session());
    assert_ne!(printed(&first), printed(&second));
    store.set_tls12_session(name("a.test"), first);
    store.set_tls12_session(name("a.test"), second.clone());

    let found = store.tls12_session(&name("a.test")).unwrap();
    assert_eq!(printed(&found), printed(&second));
    assert_eq!(cache.len(), 1);
}

#[test]
fn in_a_full_cache_a_session_that_is_set_again_evicts_nothing() {
    let cache = cache(|b| b.max(max(2)));
    let store = clients(&cache);
    let session = some_session();
    store.set_tls12_session(name("a.test"), session.clone());
    store.set_tls12_session(name("b.test"), session.clone());
    for _ in 0..10 {
        store.set_tls12_session(name("b.test"), session.clone());
    }
    assert!(store.tls12_session(&name("a.test")).is_some());
    assert_eq!(cache.stats().evictions, 0);
}

#[test]
fn servers_have_nothing_in_common() {
    let store = clients(&cache(|b| b));
    store.insert_tls13_ticket(name("a.test"), some_tickets(1).remove(0));
    store.set_tls12_session(name("b.test"), some_session());

    assert!(store.take_tls13_ticket(&name("b.test")).is_none());
    assert!(store.tls12_session(&name("a.test")).is_none());
    assert!(store.take_tls13_ticket(&name("a.test")).is_some());
    assert!(store.tls12_session(&name("b.test")).is_some());
}

#[test]
fn removing_the_session_leaves_the_tickets() {
    let store = clients(&cache(|b| b));
    store.insert_tls13_ticket(name("a.test"), some_tickets(1).remove(0));
    store.set_tls12_session(name("a.test"), some_session());
    store.remove_tls12_session(&name("a.test"));
    assert!(store.take_tls13_ticket(&name("a.test")).is_some());
}

#[test]
fn the_least_recently_used_goes_first() {
    let store = clients(&cache(|b| b.max(max(2))));
    let session = some_session();
    store.set_tls12_session(name("a.test"), session.clone());
    store.set_tls12_session(name("b.test"), session.clone());
    assert!(store.tls12_session(&name("a.test")).is_some());
    store.set_tls12_session(name("c.test"), session);

    assert!(store.tls12_session(&name("a.test")).is_some());
    assert!(store.tls12_session(&name("b.test")).is_none());
    assert!(store.tls12_session(&name("c.test")).is_some());
}

#[test]
fn a_cache_of_one_entry_keeps_a_hint_and_a_ticket() {
    let store = clients(&cache(|b| b.max(max(1))));
    store.set_kx_hint(name("a.test"), NamedGroup::X25519);
    assert_eq!(store.kx_hint(&name("a.test")), Some(NamedGroup::X25519));

    store.insert_tls13_ticket(name("a.test"), some_tickets(1).remove(0));
    assert!(store.take_tls13_ticket(&name("a.test")).is_some());
    assert_eq!(store.kx_hint(&name("a.test")), Some(NamedGroup::X25519));
}

#[test]
fn a_cache_of_one_byte_keeps_a_ticket() {
    let store = clients(&cache(|b| b.max_bytes(ByteBudget::MIN)));
    store.insert_tls13_ticket(name("a.test"), some_tickets(1).remove(0));
    assert!(store.take_tls13_ticket(&name("a.test")).is_some());
}

#[test]
fn hints_are_of_as_many_servers_as_the_cache_has_entries() {
    let store = clients(&cache(|b| b.max(max(2))));
    for server in ["first.test", "second.test", "third.test"] {
        store.set_kx_hint(name(server), NamedGroup::X25519);
    }
    assert_eq!(store.kx_hint(&name("first.test")), None);
    assert_eq!(store.kx_hint(&name("second.test")), Some(NamedGroup::X25519));
    assert_eq!(store.kx_hint(&name("third.test")), Some(NamedGroup::X25519));
}

#[test]
fn names_are_compared_as_rustls_does() {
    let store = clients(&cache(|b| b));
    store.set_kx_hint(name("a.test"), NamedGroup::X25519);
    store.set_kx_hint(name("192.0.2.1"), NamedGroup::secp256r1);
    let borrowed = "A.TEST".to_owned();
    let borrowed = ServerName::try_from(borrowed.as_str()).unwrap();
    assert_eq!(store.kx_hint(&borrowed), Some(NamedGroup::X25519));
    assert_eq!(store.kx_hint(&name("192.0.2.1")), Some(NamedGroup::secp256r1));
}

#[test]
fn nothing_is_returned_after_its_lifetime() {
    let (cache, clock) = cache_and_clock(|b| b.ttl(ttl(1_000)));
    let store = clients(&cache);
    store.insert_tls13_ticket(name("a.test"), some_tickets(1).remove(0));
    store.set_tls12_session(name("a.test"), some_session());
    clock.advance(Duration::from_millis(999));
    assert!(store.tls12_session(&name("a.test")).is_some());

    clock.advance(Duration::from_millis(1));
    assert!(store.take_tls13_ticket(&name("a.test")).is_none());
    assert!(store.tls12_session(&name("a.test")).is_none());
    assert_eq!(store.sweep(), 0, "both were dropped on the way");
}

#[test]
fn no_lifetime_is_longer_than_a_week() {
    let week = 7 * 24 * 60 * 60 * 1000;
    let (cache, clock) = cache_and_clock(|b| b.ttl(ttl(u32::MAX.into())));
    let store = clients(&cache);
    store.set_tls12_session(name("a.test"), some_session());
    clock.advance(Duration::from_millis(week - 1));
    assert!(store.tls12_session(&name("a.test")).is_some());
    clock.advance(Duration::from_millis(1));
    assert!(store.tls12_session(&name("a.test")).is_none());
}

#[test]
fn after_a_clear_nothing_is_returned_and_a_sweep_drops_it() {
    let cache = cache(|b| b);
    let store = clients(&cache);
    for ticket in some_tickets(3) {
        store.insert_tls13_ticket(name("a.test"), ticket);
    }
    store.set_tls12_session(name("b.test"), some_session());
    assert_eq!(store.sweep(), 0);

    cache.clear();
    assert_eq!(store.sweep(), 4);
    assert!(store.take_tls13_ticket(&name("a.test")).is_none());
    assert!(store.tls12_session(&name("b.test")).is_none());
}

/// The values of evicted entries do not accumulate.
#[test]
fn insertions_alone_keep_the_table_near_the_size_of_the_cache() {
    const MAX: usize = 50;
    let cache = cache(|b| b.max(max(MAX as u64)));
    let store = clients(&cache);
    let session = some_session();
    for round in 0..20 {
        for server in 0..100 {
            store.set_tls12_session(name(&format!("{round}.{server}.test")), session.clone());
        }
        let (live, gone) = (cache.len(), store.sweep());
        assert_eq!(live, MAX);
        assert!(gone <= 2 * MAX, "round {round}: {gone}");
    }
    for (server, ticket) in some_tickets(1_000).into_iter().enumerate() {
        store.insert_tls13_ticket(name(&format!("{server}.test")), ticket);
    }
    assert!(store.sweep() <= 2 * MAX);
}

#[test]
fn a_store_that_is_dropped_leaves_no_entries() {
    let cache = cache(|b| b);
    let (one, other) = (clients(&cache), clients(&cache));
    let mut tickets = some_tickets(2).into_iter();
    one.insert_tls13_ticket(name("a.test"), tickets.next().unwrap());
    one.set_tls12_session(name("a.test"), some_session());
    other.insert_tls13_ticket(name("a.test"), tickets.next().unwrap());
    assert_eq!(cache.len(), 3);

    drop(one);
    assert_eq!(cache.len(), 1);
    assert!(other.take_tls13_ticket(&name("a.test")).is_some());
}

#[test]
fn it_prints_neither_names_nor_sessions() {
    let store = clients(&cache(|b| b));
    store.set_tls12_session(name("a.test"), some_session());
    let printed = format!("{store:?}");
    assert!(printed.starts_with("ClientSessions { cache: Cache {"), "{printed}");
    assert!(!printed.contains("a.test") && !printed.contains("suite"), "{printed}");
}
