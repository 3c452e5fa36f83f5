//! Real handshakes resume, and only if they may.

mod common;
use std::sync::Arc;
use std::time::Duration;

use common::*;
use rustls::ClientConnection;
use rustls::HandshakeKind::{Full, Resumed};
use rustls::client::Resumption;
use rustls::version::{TLS12, TLS13};

#[test]
fn a_client_and_a_server_that_share_a_cache_resume() {
    for version in VERSIONS {
        let cache = cache(|b| b);
        let client = Arc::new(client(version, clients(&cache)));
        let server = Arc::new(server(servers(&cache, "a")));

        assert_eq!(handshake(&client, &server), Full, "{version:?}");
        for _ in 0..10 {
            assert_eq!(handshake(&client, &server), Resumed, "{version:?}");
        }
    }
}

#[test]
fn a_client_resumes_with_a_server_that_keeps_no_sessions() {
    for version in VERSIONS {
        let client = Arc::new(client(version, clients(&cache(|b| b))));
        let server = Arc::new(server_with_tickets());

        assert_eq!(handshake(&client, &server), Full, "{version:?}");
        for _ in 0..10 {
            assert_eq!(handshake(&client, &server), Resumed, "{version:?}");
        }
    }
}

#[test]
fn a_tls_1_2_session_serves_many_connections_where_a_tls_1_3_ticket_serves_one() {
    let mut server = server_with_tickets();
    server.send_tls13_tickets = 1;
    let server = Arc::new(server);
    for (version, then) in [(&TLS12, Resumed), (&TLS13, Full)] {
        let client = Arc::new(client(version, clients(&cache(|b| b))));
        handshake(&client, &server);
        // Another connection begins before the next ticket comes. It takes a ticket and never ends.
        let begun = ClientConnection::new(Arc::clone(&client), name(HOST)).unwrap();
        assert_eq!(handshake(&client, &server), then, "{version:?}");
        drop(begun);
    }
}

#[test]
fn servers_of_one_partition_resume_each_others_sessions() {
    for version in VERSIONS {
        let cache = cache(|b| b);
        let client = Arc::new(client(version, clients(&cache)));
        let one = Arc::new(server(servers(&cache, "a")));
        let other = Arc::new(server(servers(&cache, "a")));

        assert_eq!(handshake(&client, &one), Full, "{version:?}");
        assert_eq!(handshake(&client, &other), Resumed, "{version:?}");
    }
}

#[test]
fn servers_of_different_partitions_do_not() {
    for version in VERSIONS {
        let cache = cache(|b| b);
        let client = Arc::new(client(version, clients(&cache)));
        let one = Arc::new(server(servers(&cache, "a")));
        let other = Arc::new(server(servers(&cache, "b")));

        assert_eq!(handshake(&client, &one), Full, "{version:?}");
        assert_eq!(handshake(&client, &other), Full, "{version:?}");
    }
}

#[test]
fn client_stores_on_one_cache_have_no_sessions_in_common() {
    for version in VERSIONS {
        let cache = cache(|b| b);
        let one = client(version, clients(&cache));
        let mut other = one.clone();
        other.resumption = Resumption::store(clients(&cache));
        let (one, other) = (Arc::new(one), Arc::new(other));
        let server = Arc::new(server_with_tickets());

        assert_eq!(handshake(&one, &server), Full, "{version:?}");
        assert_eq!(handshake(&other, &server), Full, "{version:?}");
        assert_eq!(handshake(&one, &server), Resumed, "{version:?}");
    }
}

#[test]
fn configurations_of_equal_trust_share_a_store() {
    for version in VERSIONS {
        let one = client(version, clients(&cache(|b| b)));
        // A clone has the same verifier and resolver, even if other fields change.
        let mut other = one.clone();
        other.max_fragment_size = Some(4096);
        let server = Arc::new(server_with_tickets());

        assert_eq!(handshake(&Arc::new(one), &server), Full, "{version:?}");
        assert_eq!(handshake(&Arc::new(other), &server), Resumed, "{version:?}");
    }
}

#[test]
fn another_verifier_does_not_resume_even_from_the_same_store() {
    for version in VERSIONS {
        let sessions = clients(&cache(|b| b));
        let one = Arc::new(client(version, sessions.clone()));
        let other = Arc::new(client(version, sessions));
        let server = Arc::new(server_with_tickets());

        assert_eq!(handshake(&one, &server), Full, "{version:?}");
        assert_eq!(handshake(&other, &server), Full, "{version:?}");
    }
}

#[test]
fn nothing_resumes_after_its_lifetime_in_the_cache() {
    for version in VERSIONS {
        let (cache, clock) = cache_and_clock(|b| b.ttl(ttl(1_000)));
        let client = Arc::new(client(version, clients(&cache)));
        let server = Arc::new(server_with_tickets());

        assert_eq!(handshake(&client, &server), Full, "{version:?}");
        clock.advance(Duration::from_millis(999));
        assert_eq!(handshake(&client, &server), Resumed, "{version:?}");
        clock.advance(Duration::from_secs(1));
        assert_eq!(handshake(&client, &server), Full, "{version:?}");
    }
}

#[test]
fn nothing_resumes_once_the_cache_is_cleared() {
    for version in VERSIONS {
        let cache = cache(|b| b);
        let client = Arc::new(client(version, clients(&cache)));
        let server = Arc::new(server(servers(&cache, "a")));

        assert_eq!(handshake(&client, &server), Full, "{version:?}");
        cache.clear();
        assert_eq!(handshake(&client, &server), Full, "{version:?}");
    }
}
