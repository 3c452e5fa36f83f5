//! Entries with an annotation, and the removal of one entry.

use crate::call_time::CallTime;
use crate::read_mode::{AnnotatedBuffer, ReadMode};
use crate::store::Inserted;
use crate::{BufferTooSmall, Cache, EntryOptions, Key, Rejected};

/// The length of an annotation, in bytes.
pub const ANNOTATION_LEN: usize = if cfg!(loom) { 8 } else { 64 };

/// Bytes that a caller stores with a blob. The cache does not interpret them.
///
/// It is kept in front of the blob, in the same memory, and is wiped with it. Its bytes count in
/// [`Cache::bytes`] and [`Options::max_bytes`](crate::Options::max_bytes).
pub type Annotation = [u8; ANNOTATION_LEN];

/// Names one entry of a cache.
///
/// The same name is given again only after 2^26 entries that used the same node, so a caller may keep it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct EntryId(u64);

const NODE_BITS: u32 = 27;
const LIFE_BITS: u32 = 26;

impl EntryId {
    /// Names an entry that was evicted as it was stored.
    pub(crate) const NONE: Self = Self(0);

    /// `version`: the odd version of the filled node.
    pub(crate) fn new(node: u32, version: u64) -> Self {
        let life = (version >> 1) & ((1 << LIFE_BITS) - 1);
        Self(life << NODE_BITS | u64::from(node))
    }

    pub(crate) fn node(self) -> u32 {
        (self.0 & ((1 << NODE_BITS) - 1)) as u32
    }

    /// Returns a number below 2^53 that stands for it, for other languages. 0 names no entry.
    #[must_use]
    pub const fn to_bits(self) -> u64 {
        self.0
    }

    /// Returns the name that a number stands for. A number that was never given names no entry.
    #[must_use]
    pub const fn from_bits(bits: u64) -> Self {
        Self(bits)
    }
}

impl Cache {
    /// Stores as [`put`](Self::put) does, with an annotation. Returns the name of the entry.
    ///
    /// ```
    /// use tls_resumption_core::{ANNOTATION_LEN, Cache, EntryOptions, Key};
    ///
    /// let (cache, key) = (Cache::default(), Key::new(b"peer").unwrap());
    /// let id = cache.put_annotated(key, &[7; ANNOTATION_LEN], b"session", EntryOptions::default()).unwrap();
    /// let mut out = [0; 100];
    /// let len = cache.offer_annotated_into(key, &mut out).unwrap().unwrap();
    /// assert_eq!(out[..len].split_at(ANNOTATION_LEN), (&[7; ANNOTATION_LEN][..], &b"session"[..]));
    /// assert_eq!(cache.get(key).as_deref(), Some(&b"session"[..]));
    /// assert!(cache.remove_entry(key, id));
    /// ```
    ///
    /// # Errors
    ///
    /// [`Rejected`] if the blob is empty, or larger with its annotation than
    /// [`Options::max_bytes`](crate::Options::max_bytes). The entries of the key stay.
    pub fn put_annotated(
        &self,
        key: Key<'_>,
        annotation: &Annotation,
        blob: &[u8],
        options: EntryOptions,
    ) -> Result<EntryId, Rejected> {
        self.insert_annotated(|now| self.store().put_annotated(key, annotation, blob, options, now))
    }

    /// Stores as [`add`](Self::add) does, with an annotation. Returns the name of the entry.
    ///
    /// # Errors
    ///
    /// As [`put_annotated`](Self::put_annotated).
    pub fn add_annotated(
        &self,
        key: Key<'_>,
        annotation: &Annotation,
        blob: &[u8],
        options: EntryOptions,
    ) -> Result<EntryId, Rejected> {
        self.insert_annotated(|now| self.store().add_annotated(key, annotation, blob, options, now))
    }

    /// Reads as [`offer_into`](Self::offer_into) does, the annotation first and then the blob. Returns the length of
    /// both. The annotation of an entry that was stored without one is zeros.
    ///
    /// # Errors
    ///
    /// [`BufferTooSmall`] if both do not fit. Then nothing has changed: it was not offered.
    pub fn offer_annotated_into(
        &self,
        key: Key<'_>,
        out: &mut [u8],
    ) -> Result<Option<usize>, BufferTooSmall> {
        self.read_to(key, ReadMode::Offer, &mut AnnotatedBuffer(out))
    }

    /// Removes one entry and leaves the others of its key. Returns false if it is not under the key any more.
    #[expect(clippy::must_use_candidate, reason = "callers want the removal")]
    pub fn remove_entry(&self, key: Key<'_>, entry: EntryId) -> bool {
        self.store().remove_entry(key, entry, &self.now())
    }

    fn insert_annotated(
        &self,
        insert: impl FnOnce(&CallTime<'_>) -> Result<Inserted, Rejected>,
    ) -> Result<EntryId, Rejected> {
        let inserted = insert(&self.now())?;
        self.sweep_if_due(Ok(inserted.sweep_is_due))?;
        Ok(inserted.id)
    }
}
