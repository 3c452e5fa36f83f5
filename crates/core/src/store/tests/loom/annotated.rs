//! Entries with an annotation, and the removal of one entry.

use loom::sync::Arc;

use super::basic::{LEN, beside, check, get, put, store_with, take};
use crate::read_mode::{AnnotatedBuffer, ReadMode};
use crate::store::Store;
use crate::{ANNOTATION_LEN, EntryId, EntryOptions, Key};

/// A blob of one word. With its annotation it is as long as other blobs.
const SHORT: usize = LEN - ANNOTATION_LEN;

fn store(max: u64, per_key: u64) -> Arc<Store> {
    Arc::new(store_with(max, per_key, [1, 1]))
}

fn add_annotated(store: &Store, byte: u8) -> EntryId {
    let (annotation, blob) = ([byte; ANNOTATION_LEN], [byte; SHORT]);
    let own = EntryOptions::default();
    store.add_annotated(Key::new(b"a").unwrap(), &annotation, &blob, own, 0).unwrap().id
}

fn remove(store: &Store, id: EntryId) -> bool {
    store.remove_entry(Key::new(b"a").unwrap(), id, 0)
}

/// Reads the annotation and the blob, as one byte each.
fn offer_annotated(store: &Store) -> Option<(u8, u8)> {
    let mut out = [0; ANNOTATION_LEN + LEN];
    let key = Key::new(b"a").unwrap();
    let len = store.read(key, ReadMode::Offer, &mut AnnotatedBuffer(&mut out), 0).unwrap()?;
    let (annotation, blob) = out[..len].split_at(ANNOTATION_LEN);
    for part in [annotation, blob] {
        assert!(part.iter().all(|byte| *byte == part[0]), "torn: {part:?}");
    }
    Some((annotation[0], blob[0]))
}

#[test]
fn of_two_removals_of_an_entry_one_succeeds() {
    check(3, || {
        let store = store(2, 2);
        let id = add_annotated(&store, 1);
        let other = beside(&store, move |store| remove(store, id));
        let mine = remove(&store, id);
        assert!(mine != other.join().unwrap());
        assert_eq!(store.len(), 0);
        store.reconcile();
    });
}

#[test]
fn a_removal_spares_an_entry_that_reuses_the_node() {
    check(3, || {
        let store = store(1, 1);
        let id = add_annotated(&store, 1);
        let remover = beside(&store, move |store| remove(store, id));
        let taken = {
            let mut out = [0; LEN];
            let key = Key::new(b"a").unwrap();
            store.read(key, ReadMode::Take, &mut &mut out[..], 0).unwrap().is_some()
        };
        put(&store, b"a", 2);
        let removed = remover.join().unwrap();
        assert!(taken != removed, "{taken} {removed}");
        // With one entry, the quota in the hand of the remover may keep the new entry out.
        assert!(matches!(get(&store, b"a"), Some(2)) || removed);
        store.reconcile();
    });
}

#[test]
fn a_removal_and_the_insertion_of_the_next_ticket() {
    check(3, || {
        let store = store(2, 2);
        let id = add_annotated(&store, 1);
        let remover = beside(&store, move |store| remove(store, id));
        let next = add_annotated(&store, 2);
        assert!(remover.join().unwrap());
        assert_eq!(offer_annotated(&store), Some((2, 2)));
        assert!(remove(&store, next));
        store.reconcile();
    });
}

#[test]
fn an_annotation_is_never_read_with_the_blob_of_another_entry() {
    check(3, || {
        let store = store(1, 1);
        add_annotated(&store, 1);
        let reader = beside(&store, offer_annotated);
        put(&store, b"a", 2);
        let read = reader.join().unwrap();
        assert!(matches!(read, Some((1, 1) | (0, 2))), "{read:?}");
        assert_eq!(take(&store, b"a"), Some(2));
        // Not reconciled: loom lets the exchange that marks an offered entry read the state before the store of another
        // thread, and then lets a later load see either. In the modification order of one word, the store is last.
    });
}

#[test]
fn a_public_read_never_gets_an_annotation() {
    check(3, || {
        let store = store(1, 1);
        put(&store, b"a", 2);
        let reader = beside(&store, |store| {
            let mut out = [0; LEN];
            let key = Key::new(b"a").unwrap();
            let len = store.read(key, ReadMode::Get, &mut &mut out[..], 0).unwrap();
            len.map(|len| (len, out[..len].iter().all(|byte| *byte == out[0]), out[0]))
        });
        let own = EntryOptions::default();
        let (annotation, blob) = ([9; ANNOTATION_LEN], [1; SHORT]);
        store.put_annotated(Key::new(b"a").unwrap(), &annotation, &blob, own, 0).unwrap();
        let read = reader.join().unwrap();
        assert!(matches!(read, Some((LEN, true, 2) | (SHORT, true, 1))), "{read:?}");
    });
}
