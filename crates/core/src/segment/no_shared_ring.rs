//! What other platforms have in place of files that processes share: an error.

use std::convert::Infallible;
use std::path::Path;

use super::{SegmentError, SegmentErrorKind};
use crate::{AgedKey, FoundKey, KEY_NAME_LEN, Keep, KeyInfo, KeyRejected, RotateEvery, TicketKey};

/// A ring of ticket keys in a file that all processes of a user share. This platform has none.
#[derive(Debug)]
pub struct SharedKeyRing(Infallible);

#[expect(missing_docs, clippy::missing_errors_doc, reason = "no value of this type exists")]
#[allow(clippy::must_use_candidate, reason = "as above")]
impl SharedKeyRing {
    pub fn open(
        path: impl AsRef<Path>,
        _: Option<RotateEvery>,
        _: Keep,
    ) -> Result<Self, SegmentError> {
        let (kind, found) = (SegmentErrorKind::Unsupported, std::env::consts::OS);
        Err(SegmentError::new(kind, path.as_ref(), "Linux on 64 bits", found))
    }

    pub fn active(&self) -> Option<TicketKey> {
        match self.0 {}
    }

    pub fn find(&self, _: &[u8; KEY_NAME_LEN]) -> Option<FoundKey> {
        match self.0 {}
    }

    pub fn rotate(&self) -> Result<(), KeyRejected> {
        match self.0 {}
    }

    pub fn revoke(&self) -> Result<(), KeyRejected> {
        match self.0 {}
    }

    pub fn insert(&self, _: &TicketKey) -> Result<(), KeyRejected> {
        match self.0 {}
    }

    pub fn tick(&self) {
        match self.0 {}
    }

    pub fn export(&self) -> Vec<AgedKey> {
        match self.0 {}
    }

    pub fn keys(&self) -> Vec<KeyInfo> {
        match self.0 {}
    }

    pub fn rotate_every(&self) -> Option<RotateEvery> {
        match self.0 {}
    }

    pub fn keep(&self) -> Keep {
        match self.0 {}
    }
}
