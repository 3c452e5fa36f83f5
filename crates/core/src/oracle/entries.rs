use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::sync::Arc;

use crate::{ANNOTATION_LEN, Annotation, Blob, Key};

/// Names an entry. An id is never used again, and a later entry has a greater one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Id(u64);

/// A point in the order of use: the entry with the greater tick was used later.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Tick(u64);

/// One stored blob.
pub(crate) struct Entry {
    pub(crate) blob: Blob,
    pub(crate) annotation: Option<Annotation>,
    /// The first millisecond in which the entry must not be returned any more.
    pub(crate) expires_at: u64,
    /// True if a cache with single use may offer it again.
    pub(crate) reusable: bool,
    /// True if it was offered.
    pub(crate) used: bool,
}

impl Entry {
    /// Returns how many bytes it counts.
    fn len(&self) -> u64 {
        (self.blob.len() + self.annotation.map_or(0, |_| ANNOTATION_LEN)) as u64
    }

    pub(crate) fn is_live(&self, now: u64) -> bool {
        now < self.expires_at
    }
}

/// An entry and its keys in the indexes.
#[cfg_attr(all(test, not(loom)), derive(Clone))]
struct Slot {
    entry: Entry,
    key: Arc<[u8]>,
    used_last: Tick,
}

/// All entries, indexed by key, by order of use and by expiry. Keeps the indexes consistent, and has no rules.
#[derive(Default)]
#[cfg_attr(all(test, not(loom)), derive(Clone))]
pub(crate) struct Entries {
    slots: HashMap<Id, Slot>,
    /// The newest first; no key without entries. Keys may come from the network: a client chooses the TLS 1.2 session ID that
    /// it sends. So the map must hash with a random key, as the default of std does. Otherwise a client could send IDs
    /// that collide.
    by_key: HashMap<Arc<[u8]>, VecDeque<Id>>,
    by_use: BTreeMap<Tick, Id>,
    /// Of equal expiries, the older entry first.
    by_expiry: BTreeSet<(u64, Id)>,
    bytes: u64,
    /// Counts ids and ticks. 64 bits do not overflow.
    last_number: u64,
}

const IN_STEP: &str = "every index names existing entries";

impl Entries {
    /// Adds an entry as the newest of its key and the most recently used of all.
    pub(crate) fn insert(&mut self, key: Key<'_>, entry: Entry) -> Id {
        let id = Id(self.next_number());
        let used_last = Tick(self.next_number());
        let key = match self.by_key.get_key_value(key.as_bytes()) {
            Some((known, _)) => Arc::clone(known),
            None => Arc::from(key.as_bytes()),
        };
        self.bytes += entry.len();
        self.by_use.insert(used_last, id);
        self.by_expiry.insert((entry.expires_at, id));
        self.by_key.entry(Arc::clone(&key)).or_default().push_front(id);
        self.slots.insert(id, Slot { entry, key, used_last });
        id
    }

    pub(crate) fn remove(&mut self, id: Id) -> Entry {
        let Slot { entry, key, used_last } = self.slots.remove(&id).expect(IN_STEP);
        self.bytes -= entry.len();
        self.by_use.remove(&used_last);
        self.by_expiry.remove(&(entry.expires_at, id));
        let of_key = self.by_key.get_mut(&key).expect(IN_STEP);
        of_key.retain(|other| *other != id);
        if of_key.is_empty() {
            self.by_key.remove(&key);
        }
        entry
    }

    /// Makes an entry the most recently used one.
    pub(crate) fn touch(&mut self, id: Id) -> &mut Entry {
        let tick = Tick(self.next_number());
        let slot = self.slots.get_mut(&id).expect(IN_STEP);
        self.by_use.remove(&slot.used_last);
        self.by_use.insert(tick, id);
        slot.used_last = tick;
        &mut slot.entry
    }

    pub(crate) fn get(&self, id: Id) -> &Entry {
        &self.slots.get(&id).expect(IN_STEP).entry
    }

    /// Returns the entries of a key, the newest first.
    pub(crate) fn of_key(&self, key: Key<'_>) -> impl DoubleEndedIterator<Item = (Id, &Entry)> {
        let ids = self.by_key.get(key.as_bytes()).into_iter().flatten();
        ids.map(|id| (*id, self.get(*id)))
    }

    pub(crate) fn count_of_key(&self, key: Key<'_>) -> usize {
        self.by_key.get(key.as_bytes()).map_or(0, VecDeque::len)
    }

    pub(crate) fn least_recently_used(&self) -> Option<Id> {
        self.by_use.first_key_value().map(|(_, id)| *id)
    }

    /// Returns the entry that expired first, if one has.
    pub(crate) fn first_expired(&self, now: u64) -> Option<Id> {
        let (expires_at, id) = *self.by_expiry.first()?;
        (expires_at <= now).then_some(id)
    }

    pub(crate) fn len(&self) -> usize {
        self.slots.len()
    }

    pub(crate) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Removes all entries. Numbers continue, so that no id is used twice.
    pub(crate) fn clear(&mut self) {
        *self = Self { last_number: self.last_number, ..Self::default() };
    }

    #[cfg(all(test, not(loom)))]
    pub(super) fn keys(&self) -> impl Iterator<Item = &[u8]> {
        self.by_key.keys().map(|key| &**key)
    }

    fn next_number(&mut self) -> u64 {
        self.last_number += 1;
        self.last_number
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_key_or_index_stays_without_its_entries() {
        let mut entries = Entries::default();
        for name in [b"a", b"a", b"b"] {
            let blob = Blob::copy_of(b"session");
            let annotation = (name == b"b").then_some([1; ANNOTATION_LEN]);
            let entry = Entry { blob, annotation, expires_at: 1, reusable: false, used: false };
            entries.insert(Key::new(name).unwrap(), entry);
        }
        assert_eq!((entries.by_key.len(), entries.len()), (2, 3));

        while let Some(id) = entries.least_recently_used() {
            entries.touch(id);
            entries.remove(id);
        }
        assert!(
            entries.by_key.is_empty() && entries.by_expiry.is_empty() && entries.by_use.is_empty()
        );
        assert_eq!((entries.len(), entries.bytes()), (0, 0));
    }
}
