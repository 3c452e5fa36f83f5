//! The promises hold between threads.

mod common;
use std::collections::HashSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Barrier, Mutex};
use std::thread;

use common::*;
use rustls::HandshakeKind;
use rustls::client::{ClientSessionStore, Tls13ClientSessionValue};
use rustls::server::StoresServerSessions;
use rustls::version::TLS13;

const THREADS: usize = 8;

/// Runs a function in all threads at the same time, and returns their results.
fn in_threads<R: Send>(work: impl Fn(usize) -> R + Sync) -> Vec<R> {
    let barrier = Barrier::new(THREADS);
    let (work, barrier) = (&work, &barrier);
    thread::scope(|scope| {
        let spawned: Vec<_> = (0..THREADS)
            .map(|thread| {
                scope.spawn(move || {
                    barrier.wait();
                    work(thread)
                })
            })
            .collect();
        spawned.into_iter().map(|thread| thread.join().unwrap()).collect()
    })
}

/// Makes the same number of tickets for each thread, all different.
fn shares(each: usize) -> Vec<Mutex<Vec<Tls13ClientSessionValue>>> {
    let mut all = some_tickets(THREADS * each);
    (0..THREADS).map(|_| Mutex::new(all.split_off(all.len() - each))).collect()
}

#[test]
fn each_ticket_is_taken_by_one_thread() {
    for _ in 0..10 {
        let store = clients(&cache(|b| b.tickets_per_key(tickets(200))));
        for ticket in some_tickets(200) {
            store.insert_tls13_ticket(name(HOST), ticket);
        }
        let taken: Vec<u32> = in_threads(|_| {
            let mut taken = Vec::new();
            while let Some(ticket) = store.take_tls13_ticket(&name(HOST)) {
                taken.push(number(&ticket));
            }
            taken
        })
        .concat();

        assert_eq!(taken.len(), 200, "none is lost");
        assert_eq!(taken.iter().collect::<HashSet<_>>().len(), 200, "none is taken twice");
    }
}

/// With too little room, so that insertions, evictions, takes and checks overlap.
#[test]
fn no_ticket_is_taken_twice_while_others_are_inserted_and_evicted() {
    const EACH: usize = 500;
    const MAX: usize = 20;
    let cache = cache(|b| b.max(max(MAX as u64)));
    let store = clients(&cache);
    let shares = shares(EACH);

    let taken: Vec<u32> = in_threads(|thread| {
        let mut taken = Vec::new();
        for (turn, ticket) in shares[thread].lock().unwrap().drain(..).enumerate() {
            store.insert_tls13_ticket(name(&format!("{}.test", turn % 11)), ticket);
            assert!(cache.len() <= MAX);
            let other = name(&format!("{}.test", (turn + thread) % 11));
            taken.extend(store.take_tls13_ticket(&other).as_ref().map(number));
        }
        taken
    })
    .concat();

    assert!(!taken.is_empty());
    assert_eq!(taken.iter().collect::<HashSet<_>>().len(), taken.len());
    store.sweep();
    let left: usize = (0..11)
        .map(|server| {
            let server = name(&format!("{server}.test"));
            std::iter::from_fn(|| store.take_tls13_ticket(&server)).count()
        })
        .sum();
    assert!(left <= MAX);
    assert!(cache.is_empty(), "no entry is without its ticket");
}

#[test]
fn concurrent_insertions_keep_the_limit_of_a_server() {
    const ROUNDS: usize = 200;
    let cache = cache(|b| b.tickets_per_key(tickets(3)));
    let store = clients(&cache);
    let shares = shares(ROUNDS);
    let barrier = Barrier::new(THREADS);
    in_threads(|thread| {
        for ticket in shares[thread].lock().unwrap().drain(..) {
            barrier.wait();
            store.insert_tls13_ticket(name(HOST), ticket);
            barrier.wait();
            assert_eq!(cache.len(), 3);
        }
    });
    assert_eq!(std::iter::from_fn(|| store.take_tls13_ticket(&name(HOST))).count(), 3);
}

#[test]
fn concurrent_sets_and_removals_leave_one_session_or_none() {
    let cache = cache(|b| b);
    let store = clients(&cache);
    let session = some_session();
    in_threads(|thread| {
        for turn in 0..500 {
            match (turn + thread) % 3 {
                0 => store.remove_tls12_session(&name(HOST)),
                1 => store.set_tls12_session(name(HOST), session.clone()),
                _ => drop(store.tls12_session(&name(HOST))),
            }
        }
    });
    assert!(cache.len() <= 1, "{}", cache.len());
    store.remove_tls12_session(&name(HOST));
    assert!(store.tls12_session(&name(HOST)).is_none());
    assert!(cache.is_empty(), "no entry is without its session");
}

#[test]
fn each_server_session_is_taken_by_one_thread() {
    const SESSIONS: u32 = 2_000;
    let store = servers(&cache(|b| b), "a");
    for number in 0..SESSIONS {
        assert!(store.put(number.to_be_bytes().to_vec(), vec![1]));
    }
    let taken = in_threads(|_| {
        let taken = (0..SESSIONS).filter(|number| store.take(&number.to_be_bytes()).is_some());
        taken.count()
    });
    assert_eq!(taken.iter().sum::<usize>(), SESSIONS as usize);
}

/// The server has its own store: a ticket that was offered twice would be a full handshake there.
#[test]
fn threads_share_the_tickets_of_a_client() {
    const CONNECTIONS: usize = 25;
    let cache = cache(|b| b.tickets_per_key(tickets(64)));
    let client = Arc::new(client(&TLS13, clients(&cache)));
    let server = Arc::new(server(servers(&cache, "a")));
    // Each handshake takes one ticket and brings two, so eight connections before are enough for all threads.
    for _ in 0..THREADS {
        handshake(&client, &server);
    }
    let full = AtomicUsize::new(0);
    in_threads(|_| {
        for _ in 0..CONNECTIONS {
            if handshake(&client, &server) == HandshakeKind::Full {
                full.fetch_add(1, Ordering::Relaxed);
            }
        }
    });
    assert_eq!(full.into_inner(), 0);
}
