//! A thread that is stopped in the middle of a call delays nobody, and nothing is lost when it goes on.

use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use crate::lockfree::LockFree;
use crate::lockfree::counters::Removal;
use crate::lockfree::permits::Permit;
use crate::{ByteBudget, Capacity, EntryOptions, Key, Options, Read};

fn store(max: u64) -> LockFree {
    let options = Options {
        max: Capacity::new(max).unwrap(),
        max_bytes: ByteBudget::new(1000).unwrap(),
        sweep_interval: None,
        ..Options::default()
    };
    LockFree::with(options, [1; 16], [1, 1]).unwrap()
}

fn key(name: &str) -> Key<'_> {
    Key::new(name.as_bytes()).unwrap()
}

fn put(store: &LockFree, name: &str, blob: &str) {
    store.put(key(name), blob.as_bytes(), EntryOptions::default(), 0).unwrap();
}

fn read(store: &LockFree, name: &str, how: Read) -> Option<String> {
    let mut out = [0; 100];
    let len = store.read(key(name), how, &mut &mut out[..], 0).unwrap()?;
    Some(String::from_utf8(out[..len].to_vec()).unwrap())
}

/// Fails instead of hanging.
fn ends(what: impl FnOnce() + Send + 'static) {
    let (done, is_done) = mpsc::channel();
    thread::spawn(move || {
        what();
        done.send(()).unwrap();
    });
    is_done.recv_timeout(Duration::from_secs(60)).expect("it ends, without a panic");
}

#[test]
fn between_the_mark_and_all_that_follows() {
    ends(|| {
        let store = store(4);
        put(&store, "a", "first");
        put(&store, "b", "other");
        let hash = store.hash(key("a"));
        let stopped = store.run(hash, 0).0.newest.unwrap();
        assert!(store.table.mark_unchanged(&stopped).is_ok());

        assert_eq!(read(&store, "a", Read::Get), None);
        assert_eq!(read(&store, "b", Read::Get).as_deref(), Some("other"));
        for name in ["a", "c", "d", "e", "f"] {
            put(&store, name, "second");
        }
        assert_eq!(read(&store, "f", Read::Take).as_deref(), Some("second"));
        assert_eq!(store.sweep(0), 0);
        store.clear();
        assert_eq!(store.len(), 1, "the stopped one's");

        store.permits.give(store.finish(&stopped, hash, Removal::HandedOut, 0));
        store.reconcile();
    });
}

#[test]
fn with_the_only_permit_in_hand() {
    ends(|| {
        let store = store(1);
        let mut have = Permit::default();
        assert!(store.permits.gather(Permit::entry(10), &mut have));

        put(&store, "a", "forgotten at once");
        assert_eq!(read(&store, "a", Read::Get), None);
        assert_eq!((store.stats().sets, store.stats().evictions), (1, 1));

        store.permits.give(have);
        put(&store, "a", "kept");
        assert_eq!(read(&store, "a", Read::Get).as_deref(), Some("kept"));
        store.reconcile();
    });
}

#[test]
fn in_the_middle_of_a_copy() {
    ends(|| {
        let store = store(2);
        put(&store, "a", "secret");
        let stopped = store.run(store.hash(key("a")), 0).0.newest.unwrap();

        assert_eq!(read(&store, "a", Read::Take).as_deref(), Some("secret"));
        let mut out = [1; 6];
        store.blocks.copy(stopped.place.first(), &mut out);
        assert_eq!(out, [0; 6], "wiped though it is being read");
        put(&store, "b", "theirs");
        assert_ne!(store.state(stopped.id).version(), stopped.state.version());
        store.reconcile();
    });
}
