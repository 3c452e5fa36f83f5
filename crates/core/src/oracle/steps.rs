//! Additions for the checker of concurrent histories. It copies and compares states, and needs the single steps of an
//! operation that other threads may see.

use super::entries::{Entry, Id};
use super::{Oracle, Removal};
use crate::{Blob, Key};

/// Everything that later operations depend on, except the order of use: the entries of each key from the oldest on.
pub(crate) type Fingerprint = Vec<(Vec<u8>, Vec<(Vec<u8>, u64, bool)>)>;

impl Clone for Entry {
    fn clone(&self) -> Self {
        Self { blob: Blob::copy_of(&self.blob), ..*self }
    }
}

impl Clone for Oracle {
    fn clone(&self) -> Self {
        Self { options: self.options, entries: self.entries.clone(), counters: self.counters }
    }
}

impl Oracle {
    pub(crate) fn fingerprint(&self) -> Fingerprint {
        let mut keys: Vec<_> = self.entries.keys().collect();
        keys.sort_unstable();
        let entries = |key| self.entries.of_key(Key::new(key).expect("it was stored under a key"));
        let facts = |(_, entry): (Id, &Entry)| (entry.blob.to_vec(), entry.expires_at, entry.used);
        keys.into_iter()
            .map(|key| (key.to_vec(), entries(key).rev().map(facts).collect()))
            .collect()
    }

    pub(crate) fn live(&self, key: Key<'_>, now: u64) -> usize {
        self.entries.of_key(key).filter(|(_, entry)| entry.is_live(now)).count()
    }

    /// Removes the oldest live entry of a key. Returns whether there was one.
    pub(crate) fn forget_oldest(&mut self, key: Key<'_>, now: u64) -> bool {
        let of_key = self.entries.of_key(key).map(|(id, entry)| (id, entry.is_live(now)));
        let oldest = of_key.rev().find(|(_, is_live)| *is_live).map(|(id, _)| id);
        oldest.map(|id| self.remove(id, Removal::Evicted)).is_some()
    }

    /// Removes the live entry of a key with that blob. Returns whether there was one.
    pub(crate) fn remove_blob(&mut self, key: Key<'_>, blob: &[u8], now: u64) -> bool {
        let is_it = |(id, entry): (Id, &Entry)| (entry.blob[..] == *blob).then_some(id);
        let found = self.entries.of_key(key).find_map(is_it);
        found.is_some_and(|id| self.remove_entry(key, id, now))
    }

    /// Returns the states with one entry fewer.
    pub(crate) fn with_one_forgotten(&self, may: impl Fn(&Entry) -> bool) -> Vec<Self> {
        let of = |key| self.entries.of_key(Key::new(key).expect("it was stored under a key"));
        let every = self.entries.keys().flat_map(of);
        let without = |id| {
            let mut store = self.clone();
            store.remove(id, Removal::Evicted);
            store
        };
        every.filter(|(_, entry)| may(entry)).map(|(id, _)| without(id)).collect()
    }

    /// Removes the expired entries of a key.
    pub(crate) fn forget_expired(&mut self, key: Key<'_>, now: u64) {
        self.expire_key(key, now);
    }
}
